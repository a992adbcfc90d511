import type { IncomingMessage } from 'node:http';
import { RequestEntityTooLargeException, SerializationException, ThrottlingException } from '../errors.ts';
import type { MemoryLease } from './memory-budget.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** A body that takes longer ends its connection. */
  readonly deadlineMillis: number;
}

/** @throws RequestEntityTooLargeException when the request declares a body beyond the limit; nothing is read for that */
export function checkDeclaredLength(request: IncomingMessage, maxBytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/**
 * Reads a whole body.
 * @throws RequestEntityTooLargeException beyond the limit: reading stops there, and the rest is the server's to drain
 * @throws SerializationException when the body did not come in time or its connection broke
 * @throws ThrottlingException when the bodies of all requests fill the memory that there is for them
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits, lease: MemoryLease): Promise<Buffer> {
  checkDeclaredLength(request, limits.maxBytes);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > limits.maxBytes) reject(tooLarge(limits.maxBytes));
    else if (!lease.take(chunk.length)) reject(new ThrottlingException('Rate exceeded'));
    else chunks.push(chunk);
  };
  const onEnd = (): void => {
    // Its 'close' comes before anybody who awaits the promise.
    request.off('close', onBroken);
    resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes));
  };
  const onBroken = (): void => reject(new SerializationException('The request body did not arrive whole.'));
  const deadline = setTimeout(onBroken, limits.deadlineMillis);
  request.on('data', onData).once('end', onEnd).once('error', onBroken).once('close', onBroken);
  // It may have gone while somebody looked for its key.
  if (request.destroyed) onBroken();
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    request.off('data', onData).off('end', onEnd).off('close', onBroken);
    request.pause();
  }
}

const LINGER_MILLIS = 5000;

/**
 * Reads on for a while after a reply that did not wait for the whole body: closing at once would reset the connection,
 * and a client that is still sending would never see the reply. A body that goes on and on ends its connection.
 */
export function lingerAfterReply(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const giveUp = setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MILLIS);
  giveUp.unref();
}

function tooLarge(maxBytes: number): RequestEntityTooLargeException {
  return new RequestEntityTooLargeException(`Request size exceeded the limit of ${maxBytes} bytes.`);
}
