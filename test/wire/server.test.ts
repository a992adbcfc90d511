import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { callAthena, headBeforeBody, headersBeforeBody, sendRaw, startServer } from './support.ts';
import { sign } from './signing.ts';

const ATHENA_HEAD =
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonAthena.GetSession\r\n';

test('health is told unsigned, by GET and HEAD alone', async () => {
  let ready = false;
  const { url } = await startServer({ ready: () => ready });
  const statusOf = async (path: string, method = 'GET') => (await fetch(url + path, { method })).status;
  expect(await statusOf('/health/live')).toBe(200);
  expect(await statusOf('/health/ready')).toBe(503);
  ready = true;
  expect(await statusOf('/health/ready')).toBe(200);
  expect(await statusOf('/health/ready', 'HEAD')).toBe(200);
  expect(await statusOf('/health/ready', 'POST')).toBe(405);
  expect(await statusOf('/health/other')).toBe(404);
});

test('requests find their endpoint by the service that they are signed for', async () => {
  const seen: string[] = [];
  const s3 = async (request: { method?: string; url?: string }, response: { end(text: string): void }) => {
    seen.push(`${request.method} ${request.url}`);
    response.end('by s3');
  };
  const { url } = await startServer({ s3 });
  const answerOf = async (method: string, path: string, service?: string) => {
    const { host } = new URL(url);
    const plain = { method, path, headers: { host } };
    const { host: _, ...headers } = service ? (await sign(plain, { service, date: new Date() })).headers : {};
    return (await fetch(url + path, { method, headers: headers as Record<string, string> })).text();
  };
  expect(await answerOf('PUT', '/bucket/key', 's3')).toBe('by s3');
  expect(await answerOf('POST', '/', 's3')).toBe('by s3');
  expect(await answerOf('GET', '/health/live', 's3')).toBe('by s3');
  expect(await answerOf('GET', '/')).toBe('by s3');
  expect(await answerOf('PUT', '/bucket/key')).toBe('by s3');
  expect(seen).toHaveLength(5);
  expect(await answerOf('POST', '/', 'athena')).toContain('UnknownOperationException');
  expect(await answerOf('GET', '/', 'athena')).toContain('UnknownOperationException');
  expect(await answerOf('POST', '/', 'glue')).toContain("The service 'glue' is not served at this endpoint.");
  expect(await answerOf('GET', '/health/live')).toBe('{"status":"live"}');
  expect(seen).toHaveLength(5);
});

test('an Athena call without a signature is told that it lacks one', async () => {
  const { port } = await startServer();
  const answer = await sendRaw(port, `${ATHENA_HEAD}Connection: close\r\nContent-Length: 2\r\n\r\n{}`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('"__type":"MissingAuthenticationTokenException"');
});

test('without an embedded store S3 is said not to be served', async () => {
  const { url } = await startServer();
  const response = await fetch(`${url}/bucket/key`);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("The service 's3' is not served at this endpoint.");
});

test('a store that fails unexpectedly is logged and answered in S3 XML, without the cause', async () => {
  const s3 = async () => {
    throw new Error('disk on fire');
  };
  const { url, log } = await startServer({ s3 });
  const response = await fetch(`${url}/bucket/key`);
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).toMatch(/<Error><Code>InternalError<\/Code>/);
  expect(text).not.toContain('disk on fire');
  expect(log.join('')).toContain('disk on fire');
});

test('a store that fails in the middle of an object breaks the connection', async () => {
  const s3 = async (_: unknown, response: { write(text: string): void }) => {
    response.write('half');
    throw new Error('disk on fire');
  };
  const { url } = await startServer({ s3 });
  await expect(fetch(`${url}/bucket/key`).then((response) => response.text())).rejects.toThrow();
});

test('every reply has a request id of its own', async () => {
  const { url } = await startServer();
  const ids = [await fetch(`${url}/health/live`), await fetch(`${url}/x`), await fetch(url, { method: 'POST' })].map(
    ({ headers }) => headers.get('x-amzn-requestid'),
  );
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
});

test('a body beyond the limit is refused, declared or not, and its sender sees the answer', async () => {
  const { url, port } = await startServer({ limits: { athenaBodyBytes: 1000 } });
  const body = JSON.stringify({ SessionId: 'a'.repeat(2000) });
  const declared = await callAthena(url, { body });
  expect([declared.status, declared.body.__type]).toEqual([413, 'RequestEntityTooLargeException']);
  const chunk = `7d0\r\n${'a'.repeat(2000)}\r\n`;
  const chunked = `${await headBeforeBody()}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
  expect(await sendRaw(port, chunked)).toMatch(/^HTTP\/1\.1 413 [\s\S]*RequestEntityTooLargeException/);
  expect((await callAthena(url)).status).toBe(200);
});

test('a sender whose refused body is still on its way sees the answer, and may call again on the connection', async () => {
  const { port } = await startServer({ limits: { athenaBodyBytes: 1000 } });
  const size = 16 * 1024 * 1024;
  const second = 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const answer = await sendRaw(port, `${ATHENA_HEAD}Content-Length: ${size}\r\n\r\n`, Buffer.alloc(size, 97), second);
  expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*HTTP\/1\.1 200 OK[\s\S]*\{"status":"live"\}$/);
});

test('who waits to be told to go on is told, or refused before sending anything', async () => {
  const { port } = await startServer({ limits: { athenaBodyBytes: 1000 } });
  const ask = async (headers: Record<string, string>) => {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue', ...headers },
    });
    let continued = false;
    request.on('continue', () => {
      continued = true;
      request.end('{}');
    });
    request.flushHeaders();
    const [response] = await once(request, 'response');
    request.destroy();
    return { continued, status: response.statusCode };
  };
  const athena = await headersBeforeBody();
  expect(await ask({ ...athena, 'content-length': '2' })).toEqual({ continued: true, status: 400 });
  expect(await ask({ ...athena, 'content-length': '1001' })).toEqual({ continued: false, status: 413 });
  const { authorization: _, ...unsigned } = athena;
  expect(await ask({ ...unsigned, 'content-length': '2' })).toEqual({ continued: false, status: 400 });
  expect(await ask({ 'content-type': 'text/plain', 'content-length': '2' })).toEqual({ continued: false, status: 404 });
});

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['no host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ['two lengths', `${ATHENA_HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
  ['length and chunks', `${ATHENA_HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a negative length', `${ATHENA_HEAD}Content-Length: -1\r\n\r\n`, 400],
  ['chunks without sizes', `${ATHENA_HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
  ['a method that nobody has', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a header with a NUL', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n', 400],
  ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n', 417],
])('what is not valid HTTP is refused and hung up on: %s', async (_, bytes, status) => {
  const { port, url } = await startServer();
  expect(await sendRaw(port, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
});

test('a request that never ends is cut off', async () => {
  const { port } = await startServer({ limits: { headersMillis: 200, athenaBodyMillis: 200 } });
  expect(await sendRaw(port, 'POST / HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  const half = connect(port, '127.0.0.1');
  half.write(`${await headBeforeBody()}Content-Length: 100\r\n\r\n{`);
  const [answer] = await once(half, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 400 [\s\S]*The request body did not arrive whole/);
  half.destroy();
});

test('a client that goes in the middle of its body harms nobody', async () => {
  const { port, url } = await startServer();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${ATHENA_HEAD}Content-Length: 100\r\n\r\n{`);
  socket.resetAndDestroy();
  expect((await callAthena(url)).status).toBe(200);
});

test('closing lets what is under way end, and takes nothing new', async () => {
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const GetSession = async () => {
    enter();
    await released;
    return { SessionId: 's-1' };
  };
  const { server, url } = await startServer({ operations: { GetSession } });
  const call = callAthena(url);
  await entered;
  const closed = server.close(60_000);
  await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  release();
  const { status, headers } = await call;
  expect([status, headers.get('connection')]).toEqual([200, 'close']);
  await closed;
});

test('a request that was arriving when the server began to close is answered, and its connection ends', async () => {
  const { server, port } = await startServer();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.write('GET /health/live HTTP/1.1\r\n');
  // The server has read the first half when it has answered somebody who came later.
  await fetch(`http://127.0.0.1:${port}/health/live`);
  const closed = server.close(60_000);
  socket.write('Host: x\r\n\r\n');
  await Promise.all([closed, once(socket, 'close')]);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*Connection: close/);
});

test('closing cuts off what does not end by its deadline', async () => {
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const GetSession = () => {
    enter();
    return new Promise<never>(() => undefined);
  };
  const { server, url } = await startServer({ operations: { GetSession } });
  const call = callAthena(url);
  await entered;
  await Promise.all([expect(call).rejects.toThrow(), server.close(50)]);
});

test('a port that is taken is told by the error of the system', async () => {
  const { port } = await startServer();
  await expect(startServer({}, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
