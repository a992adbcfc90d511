import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  type PutObjectCommandInput,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { openRegularFile } from '../regular-files.ts';
import { hasRunOut } from '../run-out.ts';
import {
  NoSuchObject,
  type ObjectEncryption,
  type ObjectStore,
  type PutFileOptions,
  type PutObjectOptions,
  type S3Location,
  StorageAway,
} from './object-store.ts';

export interface ExternalS3Options {
  /** Absent: AWS itself. */
  readonly endpoint?: string;
  readonly region: string;
  /** `http://endpoint/bucket/key` in place of `http://bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  /** Absent: the SDK's default chain (environment, profile, instance role). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/** Files up to this size are sent in one request, larger ones in parts of it. */
const PART_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Of what nobody knows the length of; ten thousand of them are 80 GiB. */
const STREAM_PART_BYTES = 8 * 1024 * 1024;
const MAX_ATTEMPTS = 3;
const CONNECT_MILLIS = 10_000;
const NO_ANSWER = /^(E(CONN[A-Z]+|PIPE|PROTO|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND)|EAI_AGAIN)$/;
/** An S3 that says nothing for so long is away. */
const SILENCE_MILLIS = 20_000;

/** The user's own S3 (AWS, MinIO, Ceph, …) by the AWS SDK, which retries what is worth it. */
export function createExternalObjectStore(options: ExternalS3Options): ObjectStore {
  const { endpoint, region, pathStyle, credentials } = options;
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MILLIS, socketTimeout: SILENCE_MILLIS },
    // Not every S3 that is not AWS's understands checksums in trailers: only where S3 itself demands one.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  });
  return new ExternalObjectStore(client, region);
}

class ExternalObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #region: string;

  constructor(client: S3Client, region: string) {
    this.#client = client;
    this.#region = region;
  }

  async putFile(location: S3Location, path: string, options: PutFileOptions): Promise<void> {
    await using file = await explained(openRegularFile(path, options.within));
    const { size } = await file.stat();
    if (size > PART_BYTES) await this.#putParts(location, partsOf(file, size), options);
    else await this.put(location, await readBytes(file, 0, size), options);
  }

  async put(location: S3Location, body: Uint8Array | string, options: PutObjectOptions): Promise<void> {
    const Body = typeof body === 'string' ? Buffer.from(body) : body;
    const put = new PutObjectCommand({ ...describe(location, options), Body });
    await explained(this.#client.send(put));
  }

  async putStream(location: S3Location, bytes: AsyncIterable<Uint8Array>, options: PutObjectOptions): Promise<void> {
    await this.#putParts(location, regrouped(bytes, STREAM_PART_BYTES), options);
  }

  async get({ bucket, key }: S3Location, from = 0): Promise<Readable> {
    const Range = from === 0 ? undefined : `bytes=${from}-`;
    try {
      const { Body } = await explained(this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range })));
      return Body as Readable;
    } catch (error) {
      if (isBeyondEnd(error)) return Readable.from([]);
      throw error;
    }
  }

  async delete({ bucket, key }: S3Location): Promise<void> {
    await explained(this.#client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
  }

  async bucketExists(bucket: string): Promise<boolean> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: bucket }));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async ensureBucket(bucket: string): Promise<void> {
    if (await this.bucketExists(bucket)) return;
    // AWS takes no constraint for its first region, and asks for one in every other.
    const elsewhere = this.#region !== 'us-east-1';
    const constraint = elsewhere ? { CreateBucketConfiguration: { LocationConstraint: this.#region as never } } : {};
    try {
      await this.#client.send(new CreateBucketCommand({ Bucket: bucket, ...constraint }));
    } catch (error) {
      if (!(error instanceof S3ServiceException && error.name === 'BucketAlreadyOwnedByYou')) throw error;
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #putParts(location: S3Location, bodies: AsyncIterable<Buffer>, options: PutObjectOptions): Promise<void> {
    const name = { Bucket: location.bucket, Key: location.key };
    const create = new CreateMultipartUploadCommand(describe(location, options));
    const { UploadId } = await explained(this.#client.send(create));
    try {
      const parts: CompletedPart[] = [];
      for await (const Body of bodies) {
        const PartNumber = parts.length + 1;
        const part = new UploadPartCommand({ ...name, UploadId, PartNumber, Body });
        const { ETag } = await explained(this.#client.send(part));
        parts.push({ PartNumber, ETag });
      }
      const MultipartUpload = { Parts: parts };
      await explained(this.#client.send(new CompleteMultipartUploadCommand({ ...name, UploadId, MultipartUpload })));
    } catch (error) {
      await this.#client.send(new AbortMultipartUploadCommand({ ...name, UploadId })).catch(() => undefined);
      throw error;
    }
  }
}

/** Parts are read into memory, so that a retry can send them again. */
async function* partsOf(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
  for (let start = 0; start < size; start += partBytes) {
    yield await readBytes(file, start, Math.min(partBytes, size - start));
  }
}

/** The same bytes in pieces of one size, but for the last; at least one. */
async function* regrouped(bytes: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Buffer> {
  let piece: Uint8Array[] = [];
  let length = 0;
  for await (let chunk of bytes) {
    while (length + chunk.length >= pieceBytes) {
      const rest = pieceBytes - length;
      yield Buffer.concat([...piece, chunk.subarray(0, rest)]);
      chunk = chunk.subarray(rest);
      [piece, length] = [[], 0];
    }
    piece.push(chunk);
    length += chunk.length;
  }
  yield Buffer.concat(piece);
}

async function readBytes(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new Error('A file became shorter while it was being stored');
    filled += bytesRead;
  }
  return bytes;
}

function describe({ bucket, key }: S3Location, { contentType, encryption }: PutObjectOptions): PutObjectCommandInput {
  return { Bucket: bucket, Key: key, ContentType: contentType, ...encryptionOf(encryption) };
}

function encryptionOf(encryption: ObjectEncryption | undefined): Partial<PutObjectCommandInput> {
  if (encryption === undefined) return {};
  if (encryption.option === 'SSE_S3') return { ServerSideEncryption: 'AES256' };
  const { kmsKey } = encryption;
  return { ServerSideEncryption: 'aws:kms', ...(kmsKey !== undefined && { SSEKMSKeyId: kmsKey }) };
}

function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404;
}

function isBeyondEnd(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 416;
}

/** No answer, or one that says to come again: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function mayPass(error: unknown): boolean {
  if (error instanceof S3ServiceException) {
    const { httpStatusCode = 0 } = error.$metadata;
    return (
      httpStatusCode >= 500 || httpStatusCode === 429 || /^(RequestTimeTooSkewed|RequestTimeout)$/.test(error.name)
    );
  }
  const { name, code } = error as NodeJS.ErrnoException;
  return name === 'TimeoutError' || NO_ANSWER.test(code ?? '') || hasRunOut(error);
}

/** Of a host name with several addresses Node tells one error for each, and a message that is empty. */
function toldBy(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(toldBy).join('; ') : (error as Error).message;
}

async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) throw new NoSuchObject((error as Error).message, { cause: error });
    if (mayPass(error)) throw new StorageAway(toldBy(error), { cause: error });
    throw error;
  }
}
