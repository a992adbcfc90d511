import type { Readable } from 'node:stream';

/** A place in S3. */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

/** How S3 encrypts an object at rest; passed on as headers. */
export interface ObjectEncryption {
  readonly option: 'SSE_S3' | 'SSE_KMS';
  readonly kmsKey?: string;
}

export interface PutObjectOptions {
  readonly contentType: string;
  readonly encryption?: ObjectEncryption;
}

export interface PutFileOptions extends PutObjectOptions {
  /** A folder that the file must lie in, wherever links on the way have led. */
  readonly within?: string;
}

/**
 * What the server itself needs of S3, whether the embedded store or the user's own is behind it.
 * A `put` that returned is durable; a missing object or bucket rejects with `NoSuchObject`, what may succeed later with
 * `StorageAway`.
 */
export interface ObjectStore {
  /** Stores a regular file, as long as it is now; a link or anything else is refused. */
  putFile(location: S3Location, path: string, options: PutFileOptions): Promise<void>;
  put(location: S3Location, body: Uint8Array | string, options: PutObjectOptions): Promise<void>;
  /** Stores what comes, as it comes; nothing is to be seen of it before all has. When `bytes` throws, so does this, and nothing is stored. */
  putStream(location: S3Location, bytes: AsyncIterable<Uint8Array>, options: PutObjectOptions): Promise<void>;
  /** @param from the first byte that is wanted; of an object that ends before it there is none */
  get(location: S3Location, from?: number): Promise<Readable>;
  delete(location: S3Location): Promise<void>;
  bucketExists(bucket: string): Promise<boolean>;
  /** Creates the bucket unless it exists. */
  ensureBucket(bucket: string): Promise<void>;
  close(): Promise<void>;
}

/** S3 does not answer, can take no more at the moment, or has no room: the same call may succeed later. */
export class StorageAway extends Error {
  override readonly name = 'StorageAway';
}

export class NoSuchObject extends Error {
  override readonly name = 'NoSuchObject';
}
