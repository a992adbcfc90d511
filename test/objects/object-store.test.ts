import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmbeddedObjectStore } from '../../src/objects/embedded-object-store.ts';
import { createExternalObjectStore } from '../../src/objects/external.ts';
import { measured } from '../../src/objects/measured.ts';
import { NoSuchObject, type ObjectStore, StorageAway } from '../../src/objects/object-store.ts';
import { ADMINISTRATOR, REGION, type S3Server, startS3Server } from '../wire/s3/s3-server.ts';

const KINDS: Record<string, (server: S3Server) => ObjectStore> = {
  'the embedded store': (server) => createEmbeddedObjectStore(server.store),
  'S3 by HTTP': (server) =>
    createExternalObjectStore({
      endpoint: server.endpoint,
      region: REGION,
      pathStyle: true,
      credentials: ADMINISTRATOR,
    }),
};

const TEXT = { contentType: 'text/plain' };

async function read(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

describe.each(Object.keys(KINDS))('ObjectStore over %s', (kind) => {
  let server: S3Server;
  let store: ObjectStore;
  let folder: string;

  beforeAll(async () => {
    server = await startS3Server();
    store = (KINDS[kind] as (server: S3Server) => ObjectStore)(server);
    folder = mkdtempSync(join(tmpdir(), 'parthenon-object-store-'));
    await store.ensureBucket('results');
  });

  afterAll(async () => {
    await store.close();
    await server.close();
    rmSync(folder, { recursive: true });
    expect(server.unexpected).toEqual([]);
  });

  test('ensureBucket creates a bucket once and is content with it the second time', async () => {
    expect(await store.bucketExists('another')).toBe(false);
    await store.ensureBucket('another');
    await store.ensureBucket('another');
    expect(await store.bucketExists('another')).toBe(true);
  });

  test('what was put is what is got, text and bytes, empty too', async () => {
    for (const body of ['', 'grüße', randomBytes(300_000)]) {
      await store.put({ bucket: 'results', key: 'a/b c.txt' }, body, TEXT);
      expect(await read(await store.get({ bucket: 'results', key: 'a/b c.txt' }))).toEqual(Buffer.from(body));
    }
  });

  test('an object is got from any byte on, from its end on as nothing', async () => {
    const location = { bucket: 'results', key: 'from' };
    await store.put(location, '0123456789', TEXT);
    const from = async (byte: number) => (await read(await store.get(location, byte))).toString();
    expect(await Promise.all([0, 1, 9, 10, 11].map(from))).toEqual(['0123456789', '123456789', '9', '', '']);
  });

  test('content type and encryption are kept', async () => {
    const location = { bucket: 'results', key: 'described' };
    const options = { contentType: 'text/csv', encryption: { option: 'SSE_KMS', kmsKey: 'key-1' } } as const;
    await store.put(location, 'x', options);
    const { attributes } = await server.store.head(location);
    expect(attributes.contentType).toBe('text/csv');
    expect(attributes.encryption).toEqual({ algorithm: 'aws:kms', kmsKeyId: 'key-1' });
  });

  test.each([0, 1000, 20 * 1024 * 1024 + 7])(
    'a stream of %i bytes arrives whole, in whatever pieces it comes',
    async (size) => {
      const bytes = randomBytes(size);
      async function* pieces() {
        for (let at = 0; at < size; at += 333_331) yield bytes.subarray(at, at + 333_331);
      }
      const location = { bucket: 'results', key: 'stream' };
      await store.putStream(location, pieces(), TEXT);
      expect((await read(await store.get(location))).equals(bytes)).toBe(true);
    },
  );

  test('a stream that breaks off leaves nothing', async () => {
    const location = { bucket: 'results', key: 'broken-off' };
    async function* broken() {
      yield randomBytes(9 * 1024 * 1024);
      throw new RangeError('no more');
    }
    await expect(store.putStream(location, broken(), TEXT)).rejects.toThrow('no more');
    await expect(store.get(location)).rejects.toThrow(NoSuchObject);
  });

  test.each([0, 1000, 40 * 1024 * 1024 + 7])('a file of %i bytes arrives whole', async (size) => {
    const path = join(folder, 'file');
    const bytes = randomBytes(size);
    writeFileSync(path, bytes);
    await store.putFile({ bucket: 'results', key: 'file' }, path, TEXT);
    const stored = await read(await store.get({ bucket: 'results', key: 'file' }));
    expect(stored.length).toBe(size);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('only a regular file is stored: no link, and no pipe to wait for', async () => {
    const location = { bucket: 'results', key: 'odd' };
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync(join(folder, 'secret'), join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const name of ['link', 'pipe']) {
      await expect(store.putFile(location, join(folder, name), TEXT)).rejects.toThrow();
    }
    await expect(store.get(location)).rejects.toThrow(NoSuchObject);
  });

  test('a file that a folder’s link leads to is not stored where it must lie within a folder', async () => {
    const location = { bucket: 'results', key: 'led' };
    const within = join(folder, 'within');
    mkdirSync(within);
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'elsewhere', 'file'), 'secret');
    writeFileSync(join(within, 'own'), 'own');
    symlinkSync(join(folder, 'elsewhere'), join(within, 'led'));
    // As the server has them.
    for (const each of [store, measured(store)]) {
      await expect(each.putFile(location, join(within, 'led', 'file'), { ...TEXT, within })).rejects.toThrow(
        'leads out of its folder',
      );
      await expect(each.get(location)).rejects.toThrow(NoSuchObject);
    }
    await store.putFile(location, join(within, 'own'), { ...TEXT, within });
    expect((await read(await store.get(location))).toString()).toBe('own');
  });

  test('what is missing is NoSuchObject, for key and bucket', async () => {
    await expect(store.get({ bucket: 'results', key: 'none' })).rejects.toBeInstanceOf(NoSuchObject);
    await expect(store.get({ bucket: 'no-such-bucket', key: 'none' })).rejects.toBeInstanceOf(NoSuchObject);
    await expect(store.put({ bucket: 'no-such-bucket', key: 'k' }, 'x', TEXT)).rejects.toBeInstanceOf(NoSuchObject);
  });

  test('a deleted object is gone, and deleting it again is no error', async () => {
    const location = { bucket: 'results', key: 'short-lived' };
    await store.put(location, 'x', TEXT);
    await store.delete(location);
    await store.delete(location);
    await expect(store.get(location)).rejects.toBeInstanceOf(NoSuchObject);
  });

  test('a file that is not there leaves no object', async () => {
    const location = { bucket: 'results', key: 'from-nowhere' };
    await expect(store.putFile(location, join(folder, 'absent'), TEXT)).rejects.toMatchObject({
      name: 'Error',
      code: 'ENOENT',
    });
    await expect(store.get(location)).rejects.toBeInstanceOf(NoSuchObject);
  });
});

test('an S3 that does not answer is away; one that refuses is not', async () => {
  const server = await startS3Server();
  const options = { endpoint: server.endpoint, region: REGION, pathStyle: true };
  const [store, stranger] = [ADMINISTRATOR, { accessKeyId: 'AKIANOBODYNOBODY', secretAccessKey: 'x'.repeat(20) }].map(
    (credentials) => createExternalObjectStore({ ...options, credentials }),
  ) as [ObjectStore, ObjectStore];
  await store.ensureBucket('results');
  const location = { bucket: 'results', key: 'key' };
  await expect(stranger.put(location, 'x', TEXT)).rejects.not.toBeInstanceOf(StorageAway);
  await server.close();
  await expect(store.put(location, 'x', TEXT)).rejects.toBeInstanceOf(StorageAway);
  await Promise.all([store.close(), stranger.close()]);
});
