import { Readable } from 'node:stream';
import type { EmbeddedStore } from './embedded/embedded-store.ts';
import type { ObjectAttributes } from './embedded/records.ts';
import { StorageError } from './embedded/storage-error.ts';
import { openRegularFile } from '../regular-files.ts';
import { hasRunOut } from '../run-out.ts';
import { NoSuchObject, type ObjectStore, StorageAway, type PutObjectOptions, type S3Location } from './object-store.ts';

const READ_BYTES = 512 * 1024;

/**
 * The server's own way into the embedded store, without HTTP between.
 * @param store belongs to whoever opened it: closing the returned one leaves it open
 */
export function createEmbeddedObjectStore(store: EmbeddedStore): ObjectStore {
  const putBytes = async (
    location: S3Location,
    bytes: AsyncIterable<Uint8Array>,
    options: PutObjectOptions,
  ): Promise<void> => {
    await using staged = await store.stage(bytes);
    await store.put(location, staged, attributesOf(options));
  };
  return {
    async putFile(location, path, options) {
      await using file = await explained(openRegularFile(path, options.within));
      const { size } = await file.stat();
      // Not to the end: a process that the code left behind may go on writing.
      const bytes = size === 0 ? once('') : file.createReadStream({ end: size - 1, highWaterMark: READ_BYTES });
      await explained(putBytes(location, bytes, options));
    },
    put: (location, body, options) => explained(putBytes(location, once(body), options)),
    putStream: (location, bytes, options) => explained(putBytes(location, bytes, options)),
    async get(location, from) {
      const object = await explained(store.open(location));
      const readable = Readable.from(object.read(from), { objectMode: false });
      readable.once('close', () => void object[Symbol.asyncDispose]());
      return readable;
    },
    delete: (location) => explained(store.delete(location)),
    bucketExists: (bucket) => store.bucketExists(bucket),
    ensureBucket: async (bucket) => void (await store.ensureBucket(bucket)),
    close: async () => undefined,
  };
}

async function* once(body: Uint8Array | string): AsyncGenerator<Uint8Array> {
  yield typeof body === 'string' ? Buffer.from(body) : body;
}

function attributesOf({ contentType, encryption }: PutObjectOptions): ObjectAttributes {
  if (encryption === undefined) return { contentType };
  const algorithm = encryption.option === 'SSE_KMS' ? 'aws:kms' : 'AES256';
  const { kmsKey } = encryption;
  return { contentType, encryption: { algorithm, ...(kmsKey !== undefined && { kmsKeyId: kmsKey }) } };
}

async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageError && (error.code === 'NoSuchKey' || error.code === 'NoSuchBucket')) {
      throw new NoSuchObject(error.message, { cause: error });
    }
    if (hasRunOut(error) || (error instanceof StorageError && error.code === 'InsufficientStorage')) {
      throw new StorageAway((error as Error).message, { cause: error });
    }
    throw error;
  }
}
