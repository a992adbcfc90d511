import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathOf } from '../sigv4-parse.ts';
import type { ReplyStream, S3Reply } from './s3-call.ts';
import type { S3Error } from './s3-error.ts';
import { writeErrorXml } from './xml.ts';

/** Up to this size a body goes out in one write with the headers. */
const ONE_WRITE_BYTES = 256 * 1024;
/** What is read of a body that nobody wants, so that its sender gets to read the reply; then the connection is closed. */
const MAX_DRAINED_BYTES = 64 * 1024 * 1024;

/** @param onBytes told what of the body goes out, as it does */
export async function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  reply: S3Reply,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { status, headers = {}, body } = reply;
  drain(request);
  if (typeof body === 'object') {
    await sendStream(response, status, headers, body, onBytes);
    return;
  }
  const bytes = Buffer.from(body ?? '');
  // A HEAD reply states the length of what a GET would bring; 204 has none.
  const length = status === 204 ? {} : { 'Content-Length': bytes.length };
  response.writeHead(status, { ...length, ...headers });
  response.end(bytes);
  onBytes(bytes.length);
}

/** The one place that writes errors. */
export function sendError(request: IncomingMessage, response: ServerResponse, error: S3Error, requestId: string): void {
  if (response.headersSent || response.destroyed) {
    // The status has gone out already: breaking off is the only way left to say that the body is not whole.
    response.destroy();
    return;
  }
  const bodiless = request.method === 'HEAD' || error.status === 304;
  const { code, message, details } = error;
  const body = bodiless
    ? ''
    : writeErrorXml({
        Code: code,
        Message: message,
        ...details,
        Resource: pathOf(request),
        RequestId: requestId,
        HostId: requestId,
      });
  const bytes = Buffer.from(body);
  const headers = bodiless ? {} : { 'Content-Type': 'application/xml', 'Content-Length': bytes.length };
  response.writeHead(error.status, { ...headers, ...error.headers });
  response.end(bytes);
  drain(request);
}

async function sendStream(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  stream: ReplyStream,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await using _released = stream;
  if (stream.length <= ONE_WRITE_BYTES) {
    const chunks: Buffer[] = [];
    for await (const chunk of stream.bytes()) chunks.push(chunk);
    response.writeHead(status, headers);
    const bytes = Buffer.concat(chunks);
    response.end(bytes);
    onBytes(bytes.length);
    return;
  }
  response.writeHead(status, headers);
  async function* sent(): AsyncGenerator<Buffer> {
    for await (const chunk of stream.bytes()) {
      yield chunk;
      onBytes(chunk.length);
    }
  }
  await pipeline(Readable.from(sent(), { objectMode: true, highWaterMark: 1 }), response);
}

/** Reads and drops what is left of a request's body, within bounds. */
function drain(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let drained = 0;
  request.on('error', () => undefined); // the sender may go away: there is nothing left to tell it
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > MAX_DRAINED_BYTES) request.destroy();
  });
}
