import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmbeddedStore } from '../../../src/objects/embedded/embedded-store.ts';
import type { ObjectAttributes } from '../../../src/objects/embedded/records.ts';
import { BUCKET, bytes, code, collect, MEBIBYTE, name, OpenedStore } from './opened-store.ts';

let opened: OpenedStore;
let store: EmbeddedStore;

beforeEach(async () => {
  opened = await OpenedStore.make();
  store = opened.store;
});
afterEach(async () => await opened.remove());

const put: OpenedStore['put'] = (...object) => opened.put(...object);
const files = () => opened.files();

async function get(key: string): Promise<string> {
  await using object = await store.open(name(key));
  return (await collect(object.read())).toString('latin1');
}

describe('objects', () => {
  test('survive a close and an opening, with all that was said of them', async () => {
    const attributes: ObjectAttributes = {
      metadata: { a: 'b' },
      tags: [{ key: 'k', value: 'v' }],
      cacheControl: 'no-store',
    };
    {
      await using staged = await store.stage(bytes(Buffer.from('body')));
      await store.put(name('key'), staged, attributes);
    }
    await store.close();
    store = opened.store = await EmbeddedStore.open(opened.folder);
    expect(await get('key')).toBe('body');
    const record = await store.head(name('key'));
    expect(record.attributes).toEqual(attributes);
    expect(record.etag).toBe(createHash('md5').update('body').digest('hex'));
  });

  test('a body that fails leaves neither an object nor a file', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield randomBytes(3 * MEBIBYTE);
      throw new Error('the sender broke off');
    }
    await expect(store.stage(failing())).rejects.toThrow('the sender broke off');
    expect(files()).toEqual([]);
  });

  test('staged bytes that are not kept leave no file', async () => {
    {
      await using staged = await store.stage(bytes(randomBytes(10)));
      expect(staged.size).toBe(10);
      expect(files()).toHaveLength(1);
    }
    expect(files()).toEqual([]);
  });

  test('overwriting and deleting remove the old bytes', async () => {
    await put('key', 'one');
    await put('key', 'two');
    expect(files()).toHaveLength(1);
    await store.delete(name('key'));
    expect(files()).toEqual([]);
  });

  test('a reader goes on reading what it opened, whatever happens to the key', async () => {
    const body = randomBytes(4 * MEBIBYTE);
    await put('key', body);
    const object = await store.open(name('key'));
    await put('key', 'new');
    await store.delete(name('key'));
    expect(await collect(object.read())).toEqual(body);
    expect(files()).toHaveLength(1);
    await object[Symbol.asyncDispose]();
    expect(files()).toEqual([]);
  });

  test('a copy shares the bytes, and they stay until the last that names them goes', async () => {
    await put('source', 'shared');
    await store.copy(name('source'), name('copy'), (source) => source.attributes);
    expect(files()).toHaveLength(1);
    await store.delete(name('source'));
    expect(await get('copy')).toBe('shared');
    await store.copy(name('copy'), name('copy'), (source) => source.attributes);
    expect(await get('copy')).toBe('shared');
    await store.delete(name('copy'));
    expect(files()).toEqual([]);
  });

  test('keys that are prefixes of others, markers and odd keys are plain keys', async () => {
    const keys = [
      'dir',
      'dir/',
      'dir/a',
      'dir/a/',
      'dir//a',
      '/',
      '..',
      '../x',
      'a\0b',
      'a\r\nb',
      '\u{1f600}',
      'é',
      'e\u0301',
    ];
    for (const key of keys) await put(key, key);
    for (const key of keys) expect(await get(key)).toBe(Buffer.from(key).toString('latin1'));
    await store.delete(name('dir/'));
    expect(await get('dir/a')).toBe('dir/a');
  });

  test('writers of one key at once: the object is one of theirs, whole, and no other bytes stay', async () => {
    const bodies = Array.from({ length: 20 }, () => randomBytes(100_000));
    await Promise.all(bodies.map((body) => put('key', body)));
    const stored = await get('key');
    expect(bodies.some((body) => body.toString('latin1') === stored)).toBe(true);
    expect(files()).toHaveLength(1);
  });

  test('of writers who want the key to be free exactly one wins', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => put('key', String(index), { ifNoneMatch: '*' })),
    );
    const won = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    expect(await get('key')).toBe(String(won[0]));
    const lost = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(lost?.reason).toEqual(code('PreconditionFailed'));
    expect(files()).toHaveLength(1);
  });

  test('If-Match replaces the object that it names and no other', async () => {
    const first = await put('key', 'first');
    await put('key', 'second', { ifMatch: first.etag });
    await expect(put('key', 'third', { ifMatch: first.etag })).rejects.toEqual(code('PreconditionFailed'));
    await expect(put('none', 'x', { ifMatch: first.etag })).rejects.toEqual(code('NoSuchKey'));
    expect(await get('key')).toBe('second');
  });

  test('what is missing is told apart', async () => {
    await expect(store.head(name('none'))).rejects.toEqual(code('NoSuchKey'));
    await expect(store.head({ bucket: 'none', key: 'none' })).rejects.toEqual(code('NoSuchBucket'));
    await expect(store.delete({ bucket: 'none', key: 'none' })).rejects.toEqual(code('NoSuchBucket'));
    await store.delete(name('none'));
  });
});

describe('buckets', () => {
  test('only an empty one is deleted', async () => {
    await put('key', 'x');
    await expect(store.deleteBucket(BUCKET)).rejects.toEqual(code('BucketNotEmpty'));
    await store.delete(name('key'));
    await store.deleteBucket(BUCKET);
    await expect(store.deleteBucket(BUCKET)).rejects.toEqual(code('NoSuchBucket'));
  });

  test('takes the uploads that run in it along', async () => {
    const uploadId = await store.uploads.create(name('key'), { attributes: {} });
    await using staged = await store.stage(bytes(randomBytes(10)));
    await store.uploads.putPart({ ...name('key'), uploadId }, 1, staged);
    await store.deleteBucket(BUCKET);
    expect(files()).toEqual([]);
  });

  test('are created once', async () => {
    await expect(store.createBucket(BUCKET)).rejects.toEqual(code('BucketAlreadyOwnedByYou'));
    expect(await store.ensureBucket(BUCKET)).toBe(false);
    expect((await store.listBuckets()).map((bucket) => bucket.name)).toEqual([BUCKET]);
  });
});

describe('after a kill', () => {
  test('files that no row names are removed, those that one names and new ones are not', async () => {
    await put('kept', 'kept');
    const uploadId = await store.uploads.create(name('upload'), { attributes: {} });
    await using staged = await store.stage(bytes(randomBytes(10)));
    await store.uploads.putPart({ ...name('upload'), uploadId }, 1, staged);
    await store.close();
    // What a kill leaves: bytes under construction, and bytes renamed into place whose row was never committed.
    writeFileSync(join(opened.folder, 'incoming', 'half'), 'ha');
    mkdirSync(join(opened.folder, 'bytes', 'ab'), { recursive: true });
    writeFileSync(join(opened.folder, 'bytes', 'ab', `ab${'0'.repeat(22)}-1`), 'orphan');
    expect(files()).toHaveLength(4);

    store = opened.store = await EmbeddedStore.open(opened.folder);
    expect(await store.swept).toBe(1);
    expect(files()).toHaveLength(2);
    expect(await get('kept')).toBe('kept');
  });

  test('a second opener is refused while the first lives', { timeout: 30_000 }, async () => {
    await expect(EmbeddedStore.open(opened.folder)).rejects.toThrow(/locked/);
    expect(await store.bucketExists(BUCKET)).toBe(true);
  });
});

test('readers and writers share what memory there is for them: whoever comes late gets less', async () => {
  await put('large', randomBytes(2 * MEBIBYTE));
  const objects = await Promise.all(Array.from({ length: 900 }, () => store.open(name('large'))));
  const readers = objects.map((object) => object.read());
  let held = 0;
  const first: number[] = [];
  for (const reader of readers) {
    const { value } = await reader.next();
    first.push(value?.length ?? 0);
    held += value?.length ?? 0;
  }
  expect(first[0]).toBe(512 * 1024);
  expect(first.at(-1)).toBeLessThanOrEqual((128 * MEBIBYTE) / 900);
  expect(held).toBeLessThan(300 * MEBIBYTE);
  // Each has all of it in the end, in whatever pieces.
  expect((first.at(-1) ?? 0) + (await collect(readers.at(-1) as AsyncGenerator<Buffer>)).length).toBe(2 * MEBIBYTE);
  for (const reader of readers) await reader.return(undefined);
  for (const object of objects) await object[Symbol.asyncDispose]();
  await using object = await store.open(name('large'));
  expect((await object.read().next()).value?.length).toBe(512 * 1024);
});
