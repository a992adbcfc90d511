import { afterAll, beforeAll, expect, test } from 'vitest';
import { readXml } from '../../../src/wire/s3/xml.ts';
import { call } from './raw-request.ts';
import { type S3Server, startS3Server } from './s3-server.ts';

const KEY = 'a\u0001b';
let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
  await server.store.createBucket('bucket');
  await using staged = await server.store.stage((async function* () {})());
  await server.store.put({ bucket: 'bucket', key: KEY }, staged, {});
});

afterAll(async () => {
  expect(server.unexpected).toEqual([]);
  await server.close();
});

const list = (query: Record<string, string>) =>
  call(server, { path: '/bucket', query: { 'list-type': '2', ...query } });

test('keys, prefixes and delimiters that XML 1.0 cannot hold are never written raw', async () => {
  const plain = (await list({ prefix: 'a', delimiter: '\u0000' })).body;
  expect(plain).toContain('<Key>a&#x1;b</Key>');
  expect(plain).toContain('<Delimiter>&#x0;</Delimiter>');
  expect(plain).not.toMatch(/[^\P{Cc}\n]/u);
  const encoded = (await list({ prefix: 'a', delimiter: '\u0000', 'encoding-type': 'url' })).body;
  expect(encoded).toContain('<Key>a%01b</Key>');
  expect(encoded).toContain('<Delimiter>%00</Delimiter>');
});

test('errors do not write such text raw either', async () => {
  const { body } = await list({ 'encoding-type': 'url\u0001' });
  expect(body).toContain('<ArgumentValue>url&#x1;</ArgumentValue>');
  const missing = await call(server, { path: '/bucket/no%02ne' });
  expect(missing.body).toContain('<Key>no&#x2;ne</Key>');
});

test('the largest document that S3 has is read, one of more tags or longer text than any has is not', () => {
  const checksums =
    '<ChecksumCRC32>a</ChecksumCRC32><ChecksumCRC32C>a</ChecksumCRC32C><ChecksumSHA256>a</ChecksumSHA256>';
  const part = `<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag>${checksums}</Part>`;
  const largest = `<CompleteMultipartUpload>${part.repeat(10_000)}</CompleteMultipartUpload>`;
  expect(readXml(Buffer.from(largest), 'CompleteMultipartUpload').all('Part')).toHaveLength(10_000);
  const keys = `<Object><Key>${'&#x1;'.repeat(1024)}</Key></Object>`.repeat(1000);
  expect(readXml(Buffer.from(`<Delete>${keys}</Delete>`), 'Delete').all('Object')).toHaveLength(1000);
  for (const [before, one, times] of [
    ['', '<x/>', 200_001],
    ['', ' ', 70_000],
    ['<x a="', '&amp;', 20_000],
  ] as const) {
    expect(() => readXml(Buffer.from(`<Delete>${before}${one.repeat(times)}</Delete>`), 'Delete')).toThrow(
      expect.objectContaining({ code: 'MalformedXML' }),
    );
  }
});
