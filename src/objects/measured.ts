import { stat } from 'node:fs/promises';
import { objectsUsed } from '../happenings.ts';
import type { ObjectStore } from './object-store.ts';

/** The same store, telling how long each use of it takes. What is read of an object is told by nobody: a stream is its reader's. */
export function measured(store: ObjectStore): ObjectStore {
  const using = async <Result>(
    operation: keyof ObjectStore,
    work: () => Promise<Result>,
    size: () => number | Promise<number> = () => 0,
  ): Promise<Result> => {
    const began = performance.now();
    try {
      const result = await work();
      const seconds = (performance.now() - began) / 1000;
      objectsUsed.tell({ operation, seconds, failed: false, writtenBytes: await size() });
      return result;
    } catch (error) {
      const seconds = (performance.now() - began) / 1000;
      objectsUsed.tell({ operation, seconds, failed: true, writtenBytes: 0 });
      throw error;
    }
  };
  return {
    putFile: (location, path, options) =>
      using(
        'putFile',
        () => store.putFile(location, path, options),
        async () => (await stat(path).catch(() => undefined))?.size ?? 0,
      ),
    put: (location, body, options) =>
      using(
        'put',
        () => store.put(location, body, options),
        () => Buffer.byteLength(body),
      ),
    putStream: (location, bytes, options) => {
      let written = 0;
      async function* counted() {
        for await (const chunk of bytes) {
          written += chunk.length;
          yield chunk;
        }
      }
      return using(
        'putStream',
        () => store.putStream(location, counted(), options),
        () => written,
      );
    },
    get: (location, from) => using('get', () => store.get(location, from)),
    delete: (location) => using('delete', () => store.delete(location)),
    bucketExists: (bucket) => using('bucketExists', () => store.bucketExists(bucket)),
    ensureBucket: (bucket) => using('ensureBucket', () => store.ensureBucket(bucket)),
    close: () => store.close(),
  };
}
