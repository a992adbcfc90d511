import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, startChecksum } from '../../objects/checksums.ts';
import type { ObjectChecksum } from '../../objects/embedded/records.ts';
import { AwsChunkedBody, type ChunkSigner, incompleteBody } from './aws-chunked.ts';
import type { MemoryLease } from '../memory-budget.ts';
import { invalidRequest, notImplemented, S3Error, slowDown } from './s3-error.ts';

const MAX_PUT_BYTES = 5 * 1024 ** 3;

/** A body with everything that its sender promised of it. */
export interface Payload {
  /**
   * The decoded bytes, once. When they have come to their end without an error every promise was kept: length, SHA-256,
   * Content-MD5, checksum, chunk signatures.
   * @throws S3Error XAmzContentSHA256Mismatch, BadDigest, SignatureDoesNotMatch, IncompleteBody, EntityTooLarge
   */
  bytes(): AsyncIterable<Buffer>;
  /** The checksum that was verified, when `bytes` has ended. */
  checksum(): ObjectChecksum | undefined;
}

export interface PayloadOptions {
  /** Signs the chunks of a body that is sent in signed ones. */
  readonly signer?: ChunkSigner | undefined;
  /** Called before any of the body is read. */
  readonly askForBody?: (() => void) | undefined;
  /** Told the bytes of each chunk as it comes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** The checksum to compute when the sender states none. */
  readonly fallback?: ChecksumAlgorithm | undefined;
  /** `x-amz-checksum-*` is about something else than this body: the object that a completed upload makes. */
  readonly checksumOfAnother?: boolean;
}

/** The body of a request whose headers are verified. */
export function payloadOf(request: IncomingMessage, payloadHash: string, options: PayloadOptions): Payload {
  const { headers } = request;
  const chunked = chunkedBodyOf(request, payloadHash, options.signer);
  const length = statedLength(request, chunked !== undefined);
  const stated = options.checksumOfAnother ? undefined : statedChecksum(request);
  const algorithm = stated?.algorithm ?? options.fallback;
  const md5 = statedMd5(headers['content-md5']);
  let verified: ObjectChecksum | undefined;

  async function* bytes(): AsyncGenerator<Buffer> {
    const sha256 = /^[0-9a-f]{64}$/.test(payloadHash) ? createHash('sha256') : undefined;
    const running = algorithm && startChecksum(algorithm);
    const runningMd5 = md5 === undefined ? undefined : createHash('md5');
    let received = 0;
    options.askForBody?.();
    for await (const chunk of chunked?.bytes() ?? wholeBody(request)) {
      received += chunk.length;
      options.onBytes?.(chunk.length);
      if (length !== undefined && received > length) throw incompleteBody();
      if (received > MAX_PUT_BYTES) throw tooLarge();
      sha256?.update(chunk);
      running?.update(chunk);
      runningMd5?.update(chunk);
      yield chunk;
    }
    if (length !== undefined && received !== length) throw incompleteBody();
    if (sha256 && sha256.digest('hex') !== payloadHash) throw sha256Mismatch();
    if (md5 && runningMd5?.digest('base64') !== md5) throw badDigest('Content-MD5');
    if (algorithm && running) {
      const value = (await running.digest()).toString('base64');
      const promised = stated && (stated.value ?? chunked?.trailers.get(checksumHeader(stated.algorithm)));
      if (stated && promised === undefined) throw malformedTrailer();
      if (stated && promised !== value) throw badDigest(stated.algorithm);
      verified = { algorithm, value, type: 'FULL_OBJECT' };
    }
  }
  return { bytes, checksum: () => verified };
}

/** Reads a body that is small by nature, such as an XML document. @throws S3Error MaxMessageLengthExceeded, SlowDown */
export async function readPayload(payload: Payload, maxBytes: number, lease: MemoryLease): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of payload.bytes()) {
    size += chunk.length;
    if (size > maxBytes) throw new S3Error('MaxMessageLengthExceeded', 'Your request was too big.');
    if (!lease.take(chunk.length)) throw slowDown();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The checksum that a request's headers state: its value, or (`value` undefined) that a trailer will bring it. */
export function statedChecksum(
  request: IncomingMessage,
): { algorithm: ChecksumAlgorithm; value: string | undefined } | undefined {
  const trailer = String(request.headers['x-amz-trailer'] ?? '').toLowerCase();
  const stated = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = request.headers[checksumHeader(algorithm)];
    const inTrailer = trailer.split(',').some((name) => name.trim() === checksumHeader(algorithm));
    return value === undefined && !inTrailer
      ? []
      : [{ algorithm, value: value === undefined ? undefined : String(value) }];
  });
  if (stated.length > 1) {
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  }
  const [only] = stated;
  if (only?.value !== undefined) checkChecksumForm(only.algorithm, only.value);
  return only;
}

const DIGEST_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

function checkChecksumForm(algorithm: ChecksumAlgorithm, value: string): void {
  const composite = /^(.*?)(?:-\d+)?$/.exec(value)?.[1] ?? '';
  if (Buffer.from(composite, 'base64').length !== DIGEST_BYTES[algorithm]) {
    throw invalidRequest(`Value for ${checksumHeader(algorithm)} header is invalid.`);
  }
}

function chunkedBodyOf(
  request: IncomingMessage,
  payloadHash: string,
  signer: ChunkSigner | undefined,
): AwsChunkedBody | undefined {
  if (payloadHash.startsWith('STREAMING-AWS4-HMAC-') && signer === undefined) {
    throw invalidRequest('Signed chunks ask for a request that is signed by its header.');
  }
  switch (payloadHash) {
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return new AwsChunkedBody(wholeBody(request), { signer, trailers: false });
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return new AwsChunkedBody(wholeBody(request), { signer, trailers: true });
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return new AwsChunkedBody(wholeBody(request), { trailers: true });
    case 'UNSIGNED-PAYLOAD':
      return undefined;
    default:
      if (/^[0-9a-f]{64}$/.test(payloadHash)) return undefined;
      if (payloadHash.startsWith('STREAMING-')) throw notImplemented(`x-amz-content-sha256: ${payloadHash}`);
      throw new S3Error(
        'InvalidArgument',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
        { ArgumentName: 'x-amz-content-sha256', ArgumentValue: payloadHash },
      );
  }
}

/** The body as it comes. The connection is left open when reading stops early, so that the reason can be answered. */
async function* wholeBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (error) {
    if (request.destroyed && !request.complete) throw incompleteBody();
    throw error;
  }
}

/** Bytes of the decoded body; `undefined` when the sender does not know. */
function statedLength(request: IncomingMessage, chunked: boolean): number | undefined {
  const name = chunked ? 'x-amz-decoded-content-length' : 'content-length';
  const value = request.headers[name];
  if (value === undefined) {
    if (!chunked && request.headers['transfer-encoding'] !== undefined) return undefined;
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  const length = Number(value);
  if (!/^\d+$/.test(String(value)) || !Number.isSafeInteger(length)) throw invalidRequest(`Invalid ${name}.`);
  if (length > MAX_PUT_BYTES) throw tooLarge();
  return length;
}

function statedMd5(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (Buffer.from(String(value), 'base64').length !== 16) {
    throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.', { 'Content-MD5': String(value) });
  }
  return String(value);
}

function tooLarge(): S3Error {
  return new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
    MaxSizeAllowed: String(MAX_PUT_BYTES),
  });
}

function sha256Mismatch(): S3Error {
  return new S3Error(
    'XAmzContentSHA256Mismatch',
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  );
}

function badDigest(what: string): S3Error {
  return new S3Error('BadDigest', `The ${what} you specified did not match the calculated checksum.`);
}

function malformedTrailer(): S3Error {
  return new S3Error('InvalidRequest', 'The trailer that x-amz-trailer names did not come.');
}
