import { gzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const DOCTYPE =
  '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>';

describe('a document that is meant to harm its reader is refused, and the next one is read', () => {
  test.each<[string, string | Buffer]>([
    ['entities that grow', `${DOCTYPE}<Delete><Object><Key>&c;</Key></Object></Delete>`],
    [
      'an entity of a file',
      '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    ],
    [
      'a document type elsewhere',
      '<!DOCTYPE Delete SYSTEM "http://127.0.0.1/a.dtd"><Delete><Object><Key>a</Key></Object></Delete>',
    ],
    ['a document type, misspelt', '<!doctype Delete><Delete><Object><Key>a</Key></Object></Delete>'],
    ['parameter entities', '<!DOCTYPE a [<!ENTITY % a "b">%a;]><Delete><Object><Key>a</Key></Object></Delete>'],
    ['elements in elements', '<a>'.repeat(500_000)],
    ['elements in elements, closed', `<Delete>${'<a>'.repeat(200_000)}${'</a>'.repeat(200_000)}</Delete>`],
    ['a million elements', `<Delete>${'<Object/>'.repeat(800_000)}</Delete>`],
    ['a million elements without names that anybody knows', `<Delete>${'<x/>'.repeat(1_500_000)}</Delete>`],
    [
      'a hundred thousand attributes',
      `<Delete ${Array.from({ length: 100_000 }, (_, index) => `a${index}="b"`).join(' ')}/>`,
    ],
    ['a name of a megabyte', `<${'a'.repeat(1_000_000)}/>`],
    ['an attribute of megabytes', `<Delete a="${'&amp;'.repeat(1_000_000)}"/>`],
    ['a comment without end', `<Delete><!--${'-'.repeat(1_000_000)}`],
    ['unescaped text without end', `<Delete><![CDATA[${']]'.repeat(1_000_000)}`],
    ['a processing instruction without end', `<?${'x'.repeat(1_000_000)}`],
    ['names of JavaScript’s own', '<__proto__><constructor>a</constructor></__proto__>'],
    ['members by names of JavaScript’s own', '<Delete><__proto__><Object/></__proto__><toString/></Delete>'],
    ['a character that there is not', '<Delete><Object><Key>&#0;&#xD800;</Key></Object></Delete>'],
    ['a character beyond all', '<Delete><Object><Key>&#x110000;&#99999999999;</Key></Object></Delete>'],
    ['two roots', '<Delete/><Delete/>'],
    ['the wrong root', '<CreateBucketConfiguration/>'],
    ['nothing but blanks', ' '.repeat(1_000_000)],
    ['UTF-16', Buffer.from('<Delete><Object><Key>a</Key></Object></Delete>', 'utf16le')],
    ['bytes that are no UTF-8', Buffer.from([0x3c, 0x61, 0xff, 0x3e])],
    ['gzip', gzipSync('<Delete><Object><Key>a</Key></Object></Delete>')],
    ['more than a document may have', Buffer.alloc(9 * 1024 * 1024, '<a/>')],
  ])('%s', { timeout: 60_000 }, async (_, body) => {
    for (const [method, path, query] of [
      ['POST', `/${Bucket}`, { delete: '' }],
      ['PUT', `/${Bucket}/key`, { tagging: '' }],
      ['POST', `/${Bucket}/key`, { uploadId: 'none' }],
    ] as const) {
      const reply = await victim.signed('s3', { method, path, query, body });
      expect([200, 400, 404], reply.body).toContain(reply.status);
      expect(reply.body).not.toMatch(/root:|aaaaaaaaaaaa/);
    }
  });
});

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

test('a compressed body is an object as it came, and no larger', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const put = await s3('PUT', 'bomb', { body: bomb, headers: { 'content-encoding': 'gzip' } });
  expect(put.status).toBe(200);
  const { ContentLength, ContentEncoding } = await victim.server.s3.send(new GetObjectCommand({ Bucket, Key: 'bomb' }));
  expect([ContentLength, ContentEncoding]).toEqual([bomb.length, 'gzip']);
  await victim.server.s3.send(new DeleteObjectCommand({ Bucket, Key: 'bomb' }));
});

test('whatever a body in chunks of S3’s own looks like, nothing is kept of one that is broken', {
  timeout: 120_000,
}, async () => {
  const line = fc.oneof(
    fc.constantFrom(
      '5\r\nhello\r\n',
      '0\r\n',
      '\r\n',
      '0\r\n\r\n',
      'fffffffffff\r\n',
      '5;chunk-signature=00\r\nhello\r\n',
      'x-amz-checksum-crc32:NhCmhg==\r\n',
      '-1\r\n',
      '5\nhello\n',
      'a'.repeat(20_000),
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
  const headers = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding': 'aws-chunked' };
  const broken = fc.array(line, { maxLength: 6 }).map((lines) => lines.join(''));
  await fc.assert(
    fc.asyncProperty(broken, fc.constantFrom('0', '5', '10', '99999999999999', 'x'), async (body, length) => {
      const reply = await s3('PUT', 'chunked', {
        body,
        headers: { ...headers, 'x-amz-decoded-content-length': length },
      });
      expect([200, 400], reply.body).toContain(reply.status);
      const found = await s3('GET', 'chunked');
      if (reply.status === 200) {
        expect(found.body.length).toBe(Number(length));
        await s3('DELETE', 'chunked');
      } else {
        expect(found.status).toBe(404);
      }
    }),
    FUZZ,
  );
});

test('an honest object is kept as it was through all of that', async () => {
  await victim.server.s3.send(new PutObjectCommand({ Bucket, Key: 'honest', Body: 'as it was' }));
  const { Body } = await victim.server.s3.send(new GetObjectCommand({ Bucket, Key: 'honest' }));
  expect(await Body?.transformToString()).toBe('as it was');
});
