import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EmbeddedStore } from '../../../src/objects/embedded/embedded-store.ts';
import type { ObjectRecord } from '../../../src/objects/embedded/records.ts';
import { bytes, code, collect, MEBIBYTE, name, OpenedStore } from './opened-store.ts';

let opened: OpenedStore;
let store: EmbeddedStore;

beforeEach(async () => {
  opened = await OpenedStore.make();
  store = opened.store;
});
afterEach(async () => await opened.remove());

const put: OpenedStore['put'] = (...object) => opened.put(...object);
const files = () => opened.files();

describe('multipart uploads', () => {
  const none = async (): Promise<undefined> => undefined;

  async function putPart(
    uploadId: string,
    number: number,
    body: Uint8Array,
  ): Promise<{ number: number; etag: string }> {
    await using staged = await store.stage(bytes(body));
    const { etag } = await store.uploads.putPart({ ...name('key'), uploadId }, number, staged);
    return { number, etag };
  }

  test('become one object, readable across the parts', { timeout: 30_000 }, async () => {
    const bodies = [randomBytes(5 * MEBIBYTE), randomBytes(5 * MEBIBYTE + 1), randomBytes(3)] as const;
    const uploadId = await store.uploads.create(name('key'), { attributes: { contentType: 'x/y' } });
    const third = await putPart(uploadId, 9, bodies[2]);
    const first = await putPart(uploadId, 1, bodies[0]);
    await putPart(uploadId, 2, randomBytes(7));
    const second = await putPart(uploadId, 2, bodies[1]);
    await putPart(uploadId, 5, randomBytes(5)); // not part of the object
    const record = await store.uploads.complete({ ...name('key'), uploadId }, [first, second, third], none);

    const md5s = bodies.map((body) => createHash('md5').update(body).digest());
    expect(record.etag).toBe(`${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-3`);
    expect(record.attributes.contentType).toBe('x/y');
    expect(files()).toHaveLength(3);
    const whole = Buffer.concat(bodies);
    await using object = await store.open(name('key'));
    expect(await collect(object.read())).toEqual(whole);
    const edge = 5 * MEBIBYTE;
    expect(await collect(object.read(edge - 2, edge + 1))).toEqual(whole.subarray(edge - 2, edge + 2));
    expect(object.partRange(9)).toEqual({ start: whole.length - 3, end: whole.length - 1 });
    expect(object.partCount).toBe(3);
  });

  test('completing again succeeds while the object is the one that was made', async () => {
    const uploadId = await store.uploads.create(name('key'), { attributes: {} });
    const part = await putPart(uploadId, 1, randomBytes(5));
    const upload = { ...name('key'), uploadId };
    const first = await store.uploads.complete(upload, [part], none);
    expect(await store.uploads.complete(upload, [part], none)).toEqual(first);
    await put('key', 'another');
    await expect(store.uploads.complete(upload, [part], none)).rejects.toEqual(code('NoSuchUpload'));
  });

  test('refuse parts that are unknown, too small or out of order, and stay open', async () => {
    const uploadId = await store.uploads.create(name('key'), { attributes: {} });
    const upload = { ...name('key'), uploadId };
    const first = await putPart(uploadId, 1, randomBytes(5));
    const second = await putPart(uploadId, 2, randomBytes(5));
    const complete = (...parts: { number: number; etag: string }[]): Promise<ObjectRecord> =>
      store.uploads.complete(upload, parts, none);
    await expect(complete(first, second)).rejects.toEqual(code('EntityTooSmall'));
    await expect(complete(second, first)).rejects.toEqual(code('InvalidPartOrder'));
    await expect(complete(first, first)).rejects.toEqual(code('InvalidPartOrder'));
    await expect(complete({ ...first, etag: second.etag })).rejects.toEqual(code('InvalidPart'));
    await expect(complete({ ...first, number: 3 })).rejects.toEqual(code('InvalidPart'));
    expect((await store.uploads.listParts(upload, 0, 10)).map((part) => part.number)).toEqual([1, 2]);
    await complete(first);
  });

  test('an aborted one is gone with its bytes, and parts that come later are refused', async () => {
    const uploadId = await store.uploads.create(name('key'), { attributes: {} });
    await putPart(uploadId, 1, randomBytes(5));
    await store.uploads.abort({ ...name('key'), uploadId });
    await expect(putPart(uploadId, 2, randomBytes(5))).rejects.toEqual(code('NoSuchUpload'));
    await expect(store.uploads.abort({ ...name('key'), uploadId })).rejects.toEqual(code('NoSuchUpload'));
    expect(files()).toEqual([]);
  });
});
