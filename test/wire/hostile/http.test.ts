import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FUZZ, INJECTIONS, Victim } from './hostile.ts';

let victim: Victim;

beforeAll(async () => {
  victim = await Victim.start();
});
afterAll(async () => {
  await victim?.server.remove();
});

const HEAD =
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonAthena.GetSession\r\n';
/** What a server that reads a request's end elsewhere than others do would take for a request of its own. */
const SMUGGLED = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';

describe('a request whose end can be read in two ways is refused, and what follows it is no request', () => {
  test.each([
    ['length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
    ['chunks and length', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`],
    ['two lengths', `${HEAD}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${SMUGGLED}`],
    ['two lengths in one', `${HEAD}Content-Length: 0, 44\r\n\r\n${SMUGGLED}`],
    ['a length with a sign', `${HEAD}Content-Length: +0\r\n\r\n${SMUGGLED}`],
    ['a length in hexadecimal', `${HEAD}Content-Length: 0x0\r\n\r\n${SMUGGLED}`],
    ['a length with blanks in it', `${HEAD}Content-Length: 0 0\r\n\r\n${SMUGGLED}`],
    ['a length beyond numbers', `${HEAD}Content-Length: 99999999999999999999\r\n\r\n${SMUGGLED}`],
    ['a blank before the colon', `${HEAD}Content-Length : 0\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`],
    [
      'a blank before the colon of chunks',
      `${HEAD}Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`,
    ],
    ['a folded line', `${HEAD}Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['chunks that are not last', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${SMUGGLED}`],
    [
      'chunks twice',
      `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n${SMUGGLED}`,
    ],
    ['chunks misspelt', `${HEAD}Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    [
      'chunks behind a control character',
      `${HEAD}Transfer-Encoding: \u000bchunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`,
    ],
    ['lines that end in LF alone', `${HEAD}X: a\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['a header with a CR in it', `${HEAD}X: a\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['a name with a blank', `${HEAD}X Y: a\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['no name', `${HEAD}: a\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['a NUL in a name', `${HEAD}X\0: a\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['no host', `POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n${SMUGGLED}`],
    ['another protocol', `POST / HTTP/3.9\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['a target with a blank', `GET /a b HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['a tunnel', `CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n${SMUGGLED}`],
  ])('%s', async (_, bytes) => {
    const replies = victim.replies(await victim.send(bytes));
    expect(replies.length).toBeLessThanOrEqual(1);
    for (const { status, head, body } of replies) {
      expect(status).toBe(400);
      expect(head).toMatch(/^connection: close$/im);
      expect(body).not.toContain('live');
    }
  });

  test.each([
    ['no number', 'zz\r\n{}\r\n0\r\n\r\n'],
    ['a negative one', '-1\r\n{}\r\n0\r\n\r\n'],
    ['one with a prefix', '0x2\r\n{}\r\n0\r\n\r\n'],
    ['one with blanks', '2 \r\n{}\r\n0\r\n\r\n'],
    ['one beyond numbers', 'ffffffffffffffffff\r\n{}\r\n0\r\n\r\n'],
    ['more bytes than it says', '1\r\n{}\r\n0\r\n\r\n'],
    ['lines that end in LF alone', '2\n{}\n0\n\n'],
    ['an extension with a CR', '2;a\rb\r\n{}\r\n0\r\n\r\n'],
    ['extensions without end', `2;${'a'.repeat(40_000)}\r\n{}\r\n0\r\n\r\n`],
    ['trailers without end', `2\r\n{}\r\n0\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
  ])('a chunk whose size is %s', async (_, chunks) => {
    const replies = victim.replies(await victim.send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}${SMUGGLED}`));
    for (const { status, body } of replies) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).not.toContain('live');
    }
  });
});

test.each([
  ['of another host', 'GET http://127.0.0.1/health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['of a proxy', 'GET https://example.org/ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n'],
  ['of the whole server', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['with dots', 'GET /bucket/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['with encoded NULs', 'GET /bucket/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['that is too long', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
])('a target %s is answered like any other', async (_, bytes) => {
  const [reply, ...others] = victim.replies(await victim.send(bytes));
  expect(others).toEqual([]);
  expect(reply?.status).toBeGreaterThanOrEqual(400);
  expect(reply?.status).toBeLessThan(500);
});

test('whatever bytes are sent, what comes back is HTTP, and no fault of the server', { timeout: 120_000 }, async () => {
  const token = fc.constantFrom(...'abX-:;=,/%?&#@ \t\r\n\0\u007f\u0080\u00ff0123456789"\'\\{}[]<>');
  const junk = fc.oneof(
    fc.constantFrom(...INJECTIONS),
    fc.string({ unit: token, maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
  const method = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'),
    },
    junk,
  );
  const target = fc.oneof(
    { weight: 3, arbitrary: fc.webPath() },
    { weight: 2, arbitrary: junk.map((text) => `/${text}`) },
    fc.webUrl(),
    junk,
  );
  const name = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        'Host',
        'Content-Length',
        'Transfer-Encoding',
        'Authorization',
        'X-Amz-Date',
        'X-Amz-Target',
        'Content-Type',
        'Expect',
        'Connection',
        'Upgrade',
        'Range',
        'Content-Encoding',
        'X-Amz-Content-Sha256',
        'X-Amz-Copy-Source',
        'Trailer',
        'TE',
      ),
    },
    junk,
  );
  const value = fc.oneof(
    fc.constantFrom(
      'chunked',
      'gzip, chunked',
      '0',
      '5',
      '-1',
      '100-continue',
      'close',
      'keep-alive, Upgrade',
      'h2c',
      'AmazonAthena.StartSession',
      'application/x-amz-json-1.1',
      'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/athena/aws4_request, SignedHeaders=host, Signature=0',
      '20260101T000000Z',
      'bytes=0-,-1',
    ),
    junk,
  );
  const body = fc.oneof(junk, fc.constantFrom('{}', '5\r\nhello\r\n0\r\n\r\n', '{"SessionId":'));
  const request = fc.record({ method, target, headers: fc.array(fc.tuple(name, value), { maxLength: 8 }), body });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 3 }), async (requests) => {
      const bytes = requests.map(({ method, target, headers, body }) => {
        const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
        return `${method} ${target} HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n${body}`;
      });
      const received = await victim.send(Buffer.from(bytes.join(''), 'latin1'));
      // A reply to HEAD tells a length that it does not have.
      if (!requests.some(({ method }) => method === 'HEAD')) victim.replies(received);
    }),
    FUZZ,
  );
});

test('a body that is compressed is not inflated', async () => {
  const { gzipSync } = await import('node:zlib');
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  for (const encoding of ['gzip', 'deflate', 'br', 'gzip, gzip']) {
    const reply = await victim.athena('GetSession', bomb, { 'content-encoding': encoding });
    expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('SerializationException')]);
  }
});

afterAll(async () => {
  await victim.checkUnharmed();
});
