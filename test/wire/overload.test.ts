import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { until } from '../support/server.ts';
import { ADMINISTRATOR } from './signing.ts';
import { callAthena, headBeforeBody, sendRaw, startServer } from './support.ts';

const HEALTH = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';

/** Connections that send these bytes and then nothing. */
async function open(port: number, count: number, bytes = ''): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const socket of sockets) socket.on('error', () => undefined).resume();
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  if (bytes !== '') for (const socket of sockets) socket.write(bytes);
  return sockets;
}

const alive = (sockets: readonly Socket[]) =>
  sockets.filter((socket) => !socket.closed && !socket.readableEnded).length;

test.each([
  ['silent connections', ''],
  ['connections that are slow with their headers', 'POST / HTTP/1.1\r\nHost: x\r\nX-Slow: '],
  ['connections that are kept after a call', HEALTH],
])('%s make room for newcomers, the longest idle first', async (_, bytes) => {
  const { port, url } = await startServer({ limits: { connections: 20 } });
  const first = await open(port, 20, bytes);
  const later = await open(port, 15, bytes);
  for (let call = 0; call < 5; call += 1) expect((await callAthena(url)).status).toBe(200);
  await until(() => alive(first) <= 5, 5000);
  expect(alive(later)).toBe(15);
});

test('a newcomer finds no room while calls are under way on every connection, is told so, and a call later there is', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let entered = 0;
  const GetSession = async () => {
    entered += 1;
    await released;
    return { SessionId: 's-1' };
  };
  const { port, url, log } = await startServer({ limits: { connections: 3 }, operations: { GetSession } });
  const calls = Array.from({ length: 3 }, () => callAthena(url));
  await until(() => entered === 3, 5000);
  const answer = await sendRaw(port, '');
  expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*"__type":"ServiceUnavailableException"/);
  const [head, body] = answer.split('\r\n\r\n');
  expect(head).toContain(`Content-Length: ${body?.length}`);
  expect(log.filter((line) => line.includes('connections are refused'))).toHaveLength(1);
  release();
  for (const { status } of await Promise.all(calls)) expect(status).toBe(200);
  expect((await callAthena(url)).status).toBe(200);
});

test('over TLS idle connections make room too, also those that never begin a handshake', async () => {
  const { certificate, key } = makeCertificate();
  const { port } = await startServer({ limits: { connections: 8 }, tls: { cert: certificate, key } });
  const silent = await open(port, 12);
  await until(() => alive(silent) <= 8, 5000);
});

test('a client that sends on and on without waiting for answers is hung up on', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  onTestFinished(() => release());
  const { port, url } = await startServer({
    ready: async () => {
      await released;
      return true;
    },
  });
  expect(await sendRaw(port, 'GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500))).toBe('');
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
});

test('a few requests that are sent without waiting are answered in their order', async () => {
  const { port } = await startServer();
  const last = 'GET /health/other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const answer = await sendRaw(port, HEALTH.repeat(10) + last);
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([...Array(10).fill('HTTP/1.1 200'), 'HTTP/1.1 404']);
});

test('a body that stalls ends its connection', async () => {
  const { port } = await startServer({ limits: { stallMillis: 300 } });
  const [socket] = (await open(port, 1, `${await headBeforeBody()}Content-Length: 1000\r\n\r\n{`)) as [Socket];
  await once(socket, 'close');
});

test('a reply that nobody reads ends its connection, and others are served meanwhile', async () => {
  const large = Buffer.alloc(64 * 1024 * 1024);
  const s3 = async (_: unknown, response: { end(bytes: Buffer): void }) => response.end(large);
  const { port, url, server } = await startServer({ limits: { stallMillis: 300 }, s3 });
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  socket.pause();
  socket.write('GET /bucket/key HTTP/1.1\r\nHost: x\r\n\r\n');
  for (let call = 0; call < 5; call += 1) expect((await callAthena(url)).status).toBe(200);
  // Closing waits for what is under way: it ends by itself long before it would be cut off.
  await server.close(60_000);
});

test('a call that takes longer than a stall may is waited for', async () => {
  const GetSession = async () => {
    await new Promise((done) => setTimeout(done, 1000));
    return { SessionId: 's-1' };
  };
  const { url } = await startServer({ limits: { stallMillis: 200 }, operations: { GetSession } });
  expect((await callAthena(url)).status).toBe(200);
});

test('bodies of all calls together are bounded, and what was held is given back', async () => {
  const { port, url } = await startServer({ limits: { bodiesBytes: 100_000 } });
  const held = `${await headBeforeBody()}Content-Length: 70000\r\n\r\n${'a'.repeat(60_000)}`;
  const [slow] = (await open(port, 1, held)) as [Socket];
  const body = JSON.stringify({ SessionId: 'a'.repeat(60_000) });
  await until(async () => (await callAthena(url, { body })).body.__type === 'ThrottlingException', 5000);
  expect((await callAthena(url)).status).toBe(200);
  slow.destroy();
  await until(async () => (await callAthena(url, { body })).body.__type !== 'ThrottlingException', 5000);
});

test('the body of a stranger is not read', async () => {
  const { port } = await startServer();
  const unsigned =
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: AmazonAthena.GetSession\r\n';
  const unknown = await headBeforeBody({ key: { ...ADMINISTRATOR, accessKeyId: 'AKIASTRANGER' } });
  for (const [head, error] of [
    [unsigned, 'MissingAuthenticationTokenException'],
    [unknown, 'UnrecognizedClientException'],
  ]) {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    socket.write(`${head}Content-Length: 10000000\r\n\r\n{`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain(error);
  }
});
