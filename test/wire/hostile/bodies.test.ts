import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FUZZ, Victim } from './hostile.ts';

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

const s3 = (method: string, key: string, more: Partial<Parameters<Victim['signed']>[1]> = {}) =>
  victim.signed('s3', { method, path: `/${Bucket}/${key}`, ...more });

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
