import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FUZZ, hostileText, INJECTIONS, Victim } from './hostile.ts';

let victim: Victim;
const Bucket = 'hostile';

beforeAll(async () => {
  victim = await Victim.start();
  await victim.server.s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  await victim?.server.remove();
});
afterAll(async () => {
  await victim.checkUnharmed();
});

/** As it stands in a path. */
const encoded = (key: string) => encodeURIComponent(key.toWellFormed()).replace(/[!'()*]/g, escape);
const s3 = (method: string, key: string, more: Partial<Parameters<Victim['signed']>[1]> = {}) =>
  victim.signed('s3', { method, path: `/${Bucket}/${encoded(key)}`, ...more });

/** Keys that are another key, a path or a command to somebody. */
const KEYS = [
  '..',
  '.',
  '../../state.db',
  '../../../../../../tmp/owned',
  '/etc/passwd',
  '//',
  'a',
  'a/',
  'a/b',
  'a//b',
  'a/./b',
  'a/../b',
  'A',
  '\u00e9',
  'e\u0301',
  '\u212b',
  '\u00c5',
  'ﬁ',
  'fi',
  '\ufeffa',
  'a\u200b',
  'a\u0000b',
  'a\r\nb',
  'a\tb',
  '\u001b[2J',
  '\u007f\u0080\u009f',
  '%2e%2e%2f',
  '%252e',
  'a%00b',
  'a+b c',
  'a?b#c',
  'a&b=<c>"d"\'',
  'a\\..\\b',
  'con',
  '\u{1f600}',
  '\uffff',
  '__proto__',
  'k'.repeat(1024),
  'ü'.repeat(512),
];

const listing = async (Prefix = '') => {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await victim.server.s3.send(
      new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken, EncodingType: 'url' }),
    );
    for (const { Key = '' } of page.Contents ?? []) keys.push(decodeURIComponent(Key.replaceAll('+', ' ')));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return keys;
};

test('every key is an object of its own, whatever it looks like, and no file', { timeout: 60_000 }, async () => {
  for (const key of KEYS) expect((await s3('PUT', key, { body: `bytes of ${key}` })).status, key).toBe(200);
  for (const key of KEYS) {
    const reply = await s3('GET', key);
    expect(Buffer.from(reply.body, 'latin1').toString(), key).toBe(`bytes of ${key}`);
  }
  expect((await listing()).sort()).toEqual([...KEYS].sort());
  // A slash is the same however it is written.
  const slash = await victim.signed('s3', { method: 'GET', path: `/${Bucket}/a/b` });
  expect(slash.body).toBe('bytes of a/b');
  await victim.checkUnharmed();
  for (const key of KEYS) expect((await s3('DELETE', key)).status).toBe(204);
  expect(await listing()).toEqual([]);
});

test.each([1025, 2000])('a key of %d bytes is too long', async (bytes) => {
  const reply = await s3('PUT', 'k'.repeat(bytes), { body: 'x' });
  expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('<Code>KeyTooLongError</Code>')]);
});

test('whatever keys there are, each holds its own bytes, and the listing is of them', {
  timeout: 120_000,
}, async () => {
  const segment = fc.oneof(
    fc.constantFrom('', '.', '..', 'a', 'b', '\u00e9', 'e\u0301', '%2f', ' '),
    hostileText.map((text) => text.slice(0, 40)),
  );
  const key = fc
    .array(segment, { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/').toWellFormed())
    .filter((text) => text !== '');
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 5 }), async (keys) => {
      for (const [index, each] of keys.entries())
        expect((await s3('PUT', each, { body: `${index}` })).status).toBe(200);
      for (const [index, each] of keys.entries()) expect((await s3('GET', each)).body).toBe(`${index}`);
      expect((await listing()).sort()).toEqual([...keys].sort());
      for (const each of keys) await s3('DELETE', each);
    }),
    { ...FUZZ, numRuns: Math.ceil((FUZZ.numRuns ?? 1) / 5) },
  );
});

test('whatever is asked of S3, it answers as S3 does', { timeout: 120_000 }, async () => {
  const parameters = fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        'prefix',
        'delimiter',
        'marker',
        'max-keys',
        'list-type',
        'continuation-token',
        'start-after',
        'encoding-type',
        'uploads',
        'uploadId',
        'partNumber',
        'versionId',
        'versions',
        'key-marker',
        'upload-id-marker',
        'part-number-marker',
        'tagging',
        'acl',
        'attributes',
        'delete',
        'location',
        'policy',
        'response-content-type',
        'response-content-disposition',
        'response-expires',
        'response-cache-control',
      ),
      hostileText.map((text) => text.toWellFormed().slice(0, 50)),
    ),
    fc.oneof(
      fc.constantFrom('', '0', '1', '-1', '99999999999', '2', 'url'),
      hostileText.map((text) => text.toWellFormed().slice(0, 300)),
    ),
    { maxKeys: 4, noNullPrototype: true },
  );
  const inHeader = hostileText.map((text) =>
    text
      .replace(/[^\x20-\x7e\xa0-\xff]/g, '')
      .trim()
      .slice(0, 300),
  );
  const headers = fc.dictionary(
    fc.constantFrom(
      'x-amz-copy-source',
      'x-amz-copy-source-range',
      'x-amz-meta-a',
      'x-amz-tagging',
      'x-amz-acl',
      'x-amz-storage-class',
      'x-amz-server-side-encryption',
      'x-amz-checksum-crc32',
      'x-amz-checksum-algorithm',
      'x-amz-sdk-checksum-algorithm',
      'x-amz-decoded-content-length',
      'x-amz-object-attributes',
      'x-amz-metadata-directive',
      'content-type',
      'content-encoding',
      'content-md5',
      'range',
      'if-match',
      'if-none-match',
      'if-modified-since',
      'expires',
      'cache-control',
      'content-disposition',
    ),
    fc.oneof(
      inHeader.filter((text) => text !== ''),
      fc.constantFrom(
        'bytes=0-',
        'bytes=-9',
        `/${Bucket}/there`,
        `${Bucket}/none`,
        'a=b&c=d',
        '*',
        'SHA256',
        'AAAAAA==',
        '0',
      ),
    ),
    { maxKeys: 3, noNullPrototype: true },
  );
  await s3('PUT', 'there', { body: 'bytes', headers: { 'x-amz-meta-a': 'b' } });
  const path = fc.constantFrom(
    '/',
    `/${Bucket}`,
    `/${Bucket}/there`,
    `/${Bucket}/made`,
    '/nowhere',
    '/nowhere/key',
    '/UPPER_case',
    '/a',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'HEAD', 'DELETE'),
      path,
      parameters,
      headers,
      async (method, path, query, fields) => {
        fc.pre(!(method === 'DELETE' && path === `/${Bucket}`));
        const reply = await victim.signed('s3', {
          method,
          path,
          query,
          headers: fields,
          body: method === 'PUT' ? 'bytes' : '',
        });
        expect(reply.status).toBeGreaterThanOrEqual(200);
        expect(reply.head).not.toMatch(/^X-Injected/im);
        if (reply.status >= 400 && method !== 'HEAD') expect(reply.body).toMatch(/<Error><Code>\w+<\/Code><Message>/);
      },
    ),
    { ...FUZZ, numRuns: (FUZZ.numRuns ?? 1) * 2 },
  );
});

test.each(INJECTIONS.filter((text) => text.length < 1000))(
  'a header that a caller asks for is one header, or refused: %j',
  async (text) => {
    await s3('PUT', 'there', { body: 'bytes' });
    for (const name of [
      'response-content-type',
      'response-content-disposition',
      'response-cache-control',
      'response-expires',
    ]) {
      const reply = await s3('GET', 'there', { query: { [name]: text.toWellFormed() } });
      expect([200, 400]).toContain(reply.status);
      expect(reply.head).not.toMatch(/^(X-Injected|a$)/im);
    }
    const missing = await s3('GET', `missing ${text}`);
    expect([missing.status, missing.body.match(/<Code>/g)]).toEqual([404, ['<Code>']]);
  },
);

test('an honest object is kept as it was through all of that', async () => {
  await victim.server.s3.send(new PutObjectCommand({ Bucket, Key: 'honest', Body: 'as it was' }));
  const { Body } = await victim.server.s3.send(new GetObjectCommand({ Bucket, Key: 'honest' }));
  expect(await Body?.transformToString()).toBe('as it was');
});
