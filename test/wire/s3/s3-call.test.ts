import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './raw-request.ts';
import { type S3Server, startS3Server } from './s3-server.ts';

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
  await server.store.createBucket('bucket');
});

afterAll(async () => {
  expect(server.unexpected).toEqual([]);
  await server.close();
});

const list = (query: Record<string, string>) =>
  call(server, { path: '/bucket', query: { 'list-type': '2', ...query } });

test.each(['x', '1.5', '1e3', '2147483648', '-2147483649', '9'.repeat(400)])(
  'max-keys=%s is no integer',
  async (value) => {
    const reply = await list({ 'max-keys': value });
    expect(reply).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(reply.body).toContain('<Message>Provided max-keys not an integer or within integer range</Message>');
  },
);

test.each(['-1', '-2147483648'])('max-keys=%s is out of its range', async (value) => {
  const reply = await list({ 'max-keys': value });
  expect(reply).toMatchObject({ status: 400, code: 'InvalidArgument' });
  expect(reply.body).toContain('<Message>Argument max-keys must be an integer between 0 and 2147483647</Message>');
});

test('max-keys up to an integer is cut to a page', async () => {
  expect((await list({ 'max-keys': '2147483647' })).body).toContain('<MaxKeys>1000</MaxKeys>');
});

test.each(['0', '10001', '1.5', 'x', ''])('partNumber=%s is none, to write and to read', async (partNumber) => {
  const path = '/bucket/key';
  const message = '<Message>Part number must be an integer between 1 and 10000, inclusive</Message>';
  await using staged = await server.store.stage((async function* () {})());
  await server.store.put({ bucket: 'bucket', key: 'key' }, staged, {});
  expect((await call(server, { path, query: { partNumber } })).body).toContain(message);
  const put = { method: 'PUT', path, query: { partNumber, uploadId: 'u' } };
  expect((await call(server, put)).body).toContain(message);
});
