import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { RequestEntityTooLargeException, SerializationException } from '../errors.ts';
import { errorReply, type Reply } from './reply.ts';

/** A client that does not hang up by itself after a refusal is hung up on. */
const HANG_UP_MILLIS = 1000;

const refused = new WeakSet<Duplex>();

/**
 * Answers what is no valid HTTP, or came too slowly, and closes the connection: nothing after such bytes can be trusted.
 * @param pending the exchange that was under way on the connection, if any
 */
export function refuseConnection(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  pending: ServerResponse | undefined,
  requestId: string,
): void {
  if (refused.has(socket)) return;
  refused.add(socket);
  // Half an answer is out, or nobody is there to read one.
  if (pending?.headersSent || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.end(rawOf(replyOf(error.code), requestId));
  setTimeout(() => socket.destroy(), HANG_UP_MILLIS).unref();
}

function replyOf(code: string | undefined): Reply {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return errorReply(new RequestEntityTooLargeException('The request headers are too large.'), 431);
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return errorReply(new RequestEntityTooLargeException('The chunk extensions are too large.'));
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return errorReply(new SerializationException('The request did not arrive in time.'), 408);
    default:
      return errorReply(new SerializationException('The request is not valid HTTP.'));
  }
}

function rawOf({ status, headers, body }: Reply, requestId: string): Buffer {
  const fields = { ...headers, 'x-amzn-RequestId': requestId, 'content-length': body.length, connection: 'close' };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`), body]);
}
