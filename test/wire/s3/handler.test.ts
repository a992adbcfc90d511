import { hash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, type RawReply, type RawRequest, send, sign, signedChunks } from './raw-request.ts';
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

function crc32Of(bytes: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString('base64');
}

async function keyExists(key: string): Promise<boolean> {
  const page = await server.store.list('bucket', { prefix: key, delimiter: '', limit: 1, start: { atKey: '' } });
  return page.rows[0]?.key === key;
}

async function stored(key: string): Promise<Buffer> {
  await using object = await server.store.open({ bucket: 'bucket', key });
  const chunks: Buffer[] = [];
  for await (const chunk of object.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Files of bytes that no upload or object should have left. */
function filesUnderConstruction(): string[] {
  return readdirSync(join(server.folder, 'incoming'));
}

describe('signatures', () => {
  test('an unsigned request is denied', async () => {
    const reply = await send(server, { method: 'GET', path: '/bucket', query: {}, headers: {} });
    expect(reply).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  test('a changed path, query, method or signed header does not match', async () => {
    const signed = await sign(server, { path: '/bucket', headers: { 'x-amz-meta-a': '1' } });
    const changes = [
      { path: '/other' },
      { query: { prefix: 'x' } },
      { method: 'DELETE' },
      { headers: { ...signed.headers, 'x-amz-meta-a': '2' } },
    ];
    for (const change of changes) {
      expect(await send(server, { ...signed, ...change })).toMatchObject({
        status: 403,
        code: 'SignatureDoesNotMatch',
      });
    }
  });

  test('an x-amz header that is not signed is refused', async () => {
    const signed = await sign(server, { path: '/bucket' });
    const headers = { ...signed.headers, 'x-amz-meta-added': '1' };
    expect(await send(server, { ...signed, headers })).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  test('a clock more than 15 minutes off is told so', async () => {
    for (const minutes of [-16, 16]) {
      const date = new Date(Date.now() + minutes * 60_000);
      const reply = await call(server, { path: '/bucket', date });
      expect(reply).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
    }
  });

  test('x-amz-content-sha256 is asked for', async () => {
    const signed = await sign(server, { path: '/bucket' });
    const { 'x-amz-content-sha256': _, ...headers } = signed.headers;
    expect(await send(server, { ...signed, headers })).toMatchObject({ status: 400, code: 'InvalidRequest' });
  });
});

describe('bodies', () => {
  const put = (key: string, more: Partial<RawRequest>): RawRequest => ({
    method: 'PUT',
    path: `/bucket/${key}`,
    ...more,
  });

  async function refused(key: string, reply: RawReply, code: string, status = 400): Promise<void> {
    expect(reply).toMatchObject({ status, code });
    expect(await keyExists(key)).toBe(false);
    expect(filesUnderConstruction()).toEqual([]);
  }

  test('a body that is not the one that was signed is not stored', async () => {
    const signed = await sign(server, put('tampered', { body: 'signed' }));
    await refused('tampered', await send(server, signed, 'forged'), 'XAmzContentSHA256Mismatch');
  });

  test('an unsigned payload is taken as it comes', async () => {
    const reply = await call(server, put('unsigned', { body: 'anything', contentSha256: 'UNSIGNED-PAYLOAD' }));
    expect(reply.status).toBe(200);
    expect((await stored('unsigned')).toString()).toBe('anything');
  });

  const chunks = [randomBytes(65_536), randomBytes(70_001), randomBytes(5)];
  const whole = Buffer.concat(chunks);
  const chunked = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(whole.length) };

  test('signed chunks are verified and joined, and aws-chunked is no coding of the object', async () => {
    const contentSha256 = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    const signed = await sign(server, put('chunks', { headers: chunked, contentSha256 }));
    expect((await send(server, signed, signedChunks(signed, chunks))).status).toBe(200);
    expect(await stored('chunks')).toEqual(whole);
    expect((await server.store.head({ bucket: 'bucket', key: 'chunks' })).attributes.contentEncoding).toBeUndefined();
  });

  test('one changed byte, a missing chunk, chunks in another order: nothing is stored', async () => {
    const contentSha256 = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    const signed = await sign(server, put('bad-chunks', { headers: chunked, contentSha256 }));
    const body = signedChunks(signed, chunks);
    const changed = Buffer.from(body);
    changed[100_000] = (changed[100_000] as number) ^ 1;
    await refused('bad-chunks', await send(server, signed, changed), 'SignatureDoesNotMatch', 403);
    const frame = (chunk: Buffer): number =>
      `${chunk.length.toString(16)};chunk-signature=${'0'.repeat(64)}\r\n\r\n`.length;
    const first = frame(chunks[0] as Buffer) + 65_536;
    const second = first + frame(chunks[1] as Buffer) + 70_001;
    const swapped = [body.subarray(first, second), body.subarray(0, first), body.subarray(second)];
    await refused('bad-chunks', await send(server, signed, Buffer.concat(swapped)), 'SignatureDoesNotMatch', 403);
    const end = signedChunks(signed, []);
    await refused('bad-chunks', await send(server, signed, end), 'IncompleteBody');
    await refused('bad-chunks', await send(server, signed, body.subarray(0, 80_000)), 'IncompleteBody');
    await refused('bad-chunks', await send(server, signed, 'no chunk at all\r\n'), 'InvalidRequest');
  });

  test('a sender whose long body is refused at its beginning gets to read why', async () => {
    const contentSha256 = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
    const body = Buffer.concat([Buffer.from('no chunk at all\r\n'), Buffer.alloc(24 * 1024 * 1024)]);
    const signed = await sign(server, put('refused-early', { headers: chunked, contentSha256 }));
    await refused('refused-early', await send(server, signed, body), 'InvalidRequest');
  });

  test('signed trailers: the checksum is verified, and so is their signature', async () => {
    const contentSha256 = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
    const headers = { ...chunked, 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const trailers = { 'x-amz-checksum-crc32': crc32Of(whole) };
    const signed = await sign(server, put('trailers', { headers, contentSha256 }));
    const wrong = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    await refused('trailers', await send(server, signed, signedChunks(signed, chunks, wrong)), 'BadDigest');
    const body = signedChunks(signed, chunks, trailers);
    const unsigned = Buffer.from(body.toString('latin1').replace(/(trailer-signature:)./, '$1z'), 'latin1');
    await refused('trailers', await send(server, signed, unsigned), 'SignatureDoesNotMatch', 403);
    const reply = await send(server, signed, body);
    expect(reply.status).toBe(200);
    expect(reply.headers['x-amz-checksum-crc32']).toBe(crc32Of(whole));
    expect(await stored('trailers')).toEqual(whole);
  });

  test('unsigned chunks with a trailer: the checksum is verified', async () => {
    const contentSha256 = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
    const headers = { ...chunked, 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const bodyOf = (sum: string): Buffer =>
      Buffer.concat([
        ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
        Buffer.from(`0\r\n${sum}\r\n`),
      ]);
    const signed = await sign(server, put('unsigned-trailer', { headers, contentSha256 }));
    const wrong = bodyOf('x-amz-checksum-crc32:AAAAAA==\r\n');
    await refused('unsigned-trailer', await send(server, signed, wrong), 'BadDigest');
    await refused('unsigned-trailer', await send(server, signed, bodyOf('')), 'InvalidRequest');
    const right = bodyOf(`x-amz-checksum-crc32:${crc32Of(whole)}\r\n`);
    expect((await send(server, signed, right)).status).toBe(200);
    expect(await stored('unsigned-trailer')).toEqual(whole);
  });

  test('a connection that breaks off leaves nothing', async () => {
    const signed = await sign(server, put('broken-off', { contentSha256: 'UNSIGNED-PAYLOAD' }));
    const lines = Object.entries({ ...signed.headers, 'content-length': '1000000' }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`PUT ${signed.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${'x'.repeat(500_000)}`);
    await expect.poll(() => filesUnderConstruction().length + socket.bytesWritten).toBeGreaterThan(500_000);
    socket.destroy();
    await expect.poll(filesUnderConstruction).toEqual([]);
    expect(await keyExists('broken-off')).toBe(false);
  });

  test('more than one checksum, one that cannot be read, an unknown scheme', async () => {
    const two = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': 'AAAA' };
    await refused('k', await call(server, put('k', { body: 'x', headers: two })), 'InvalidRequest');
    const short = { 'x-amz-checksum-crc32': 'AA==' };
    await refused('k', await call(server, put('k', { body: 'x', headers: short })), 'InvalidRequest');
    await refused('k', await call(server, put('k', { body: 'x', contentSha256: 'NONSENSE' })), 'InvalidArgument');
    const ecdsa = 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD';
    await refused('k', await call(server, put('k', { body: 'x', contentSha256: ecdsa })), 'NotImplemented', 501);
  });
});

describe('documents', () => {
  const deletion = (body: string): RawRequest => ({ method: 'POST', path: '/bucket', query: { delete: '' }, body });

  test.each([
    ['nothing', ''],
    ['no XML', '{"Delete": []}'],
    ['another root', '<Remove/>'],
    ['an open element', '<Delete><Object><Key>a</Key></Object>'],
    ['an object without key', '<Delete><Object/></Delete>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>'],
    ['more than 1000 keys', `<Delete>${'<Object><Key>a</Key></Object>'.repeat(1001)}</Delete>`],
    ['bytes that are no UTF-8', Buffer.from([0x3c, 0xff, 0xfe]).toString('latin1')],
    ['nesting without end', `${'<Delete>'.repeat(5000)}${'</Delete>'.repeat(5000)}`],
  ])('%s is MalformedXML', async (_, body) => {
    expect(await call(server, deletion(body))).toMatchObject({ status: 400, code: 'MalformedXML' });
  });

  test('a document beyond the bound is refused and not read to its end', async () => {
    const reply = await call(server, deletion(`<Delete>${' '.repeat(9 * 1024 * 1024)}</Delete>`));
    expect(reply).toMatchObject({ status: 400, code: 'MaxMessageLengthExceeded' });
  });

  test('entities and character references are read, whitespace in keys is kept', async () => {
    const keys = ['a&b<c>"d\'', ' two  spaces ', 'line\nfeed\rreturn', '1.0', 'true'];
    for (const key of keys) {
      await using staged = await server.store.stage((async function* () {})());
      await server.store.put({ bucket: 'bucket', key }, staged, {});
    }
    const escaped = (key: string): string => key.replace(/[^ \w.]/g, (character) => `&#${character.charCodeAt(0)};`);
    const body = `<Delete>${keys.map((key) => `<Object><Key>${escaped(key)}</Key></Object>`).join('\n')}</Delete>`;
    const reply = await call(server, deletion(body));
    expect(reply.status).toBe(200);
    for (const key of keys) expect(await keyExists(key), key).toBe(false);
    expect(reply.body).toContain('<Key>line&#10;feed&#13;return</Key>');
  });
});

describe('requests that S3 does not know', () => {
  test.each([
    ['PATCH', '/bucket/key', {}, 405, 'MethodNotAllowed'],
    ['POST', '/', {}, 405, 'MethodNotAllowed'],
    ['POST', '/bucket/key', {}, 405, 'MethodNotAllowed'],
    ['PUT', '/bucket', { policy: '' }, 501, 'NotImplemented'],
    ['POST', '/bucket/key', { restore: '' }, 501, 'NotImplemented'],
    ['GET', '/bucket/key', { versionId: 'abc' }, 501, 'NotImplemented'],
    ['GET', '/bucket/key', { torrent: '' }, 501, 'NotImplemented'],
  ])('%s %s %j is %i %s', async (method, path, query, status, code) => {
    expect(await call(server, { method, path, query })).toMatchObject({ status, code });
  });

  test('a path that is no UTF-8 is InvalidURI', async () => {
    expect(await call(server, { path: '/bucket/%FF' })).toMatchObject({ status: 400, code: 'InvalidURI' });
  });
});

describe('replies', () => {
  test('errors name the resource and the request, a HEAD has no body', async () => {
    const reply = await call(server, { path: '/bucket/none' });
    expect(reply.headers['content-type']).toBe('application/xml');
    expect(reply.body).toContain('<Resource>/bucket/none</Resource>');
    expect(reply.body).toContain(`<RequestId>${reply.headers['x-amz-request-id']}</RequestId>`);
    expect(reply.body).toContain('<Key>none</Key>');
    const head = await call(server, { method: 'HEAD', path: '/bucket/none' });
    expect(head).toMatchObject({ status: 404, body: '' });
  });

  test('an empty body has the hash of nothing', async () => {
    const reply = await call(server, { path: '/', contentSha256: hash('sha256', '') });
    expect(reply.status).toBe(200);
    expect(reply.body).toContain('<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">');
  });
});
