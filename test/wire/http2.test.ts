import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import type { GrpcHandler } from '../../src/wire/http2.ts';
import { makeCertificate } from '../support/certificate.ts';
import { until } from '../support/server.ts';
import { callAthena, sendRaw, startServer } from './support.ts';

const GRPC = { ':method': 'POST', ':path': '/service/Call', 'content-type': 'application/grpc' };

/** Sends back what it gets, with a status behind it. */
const echo: GrpcHandler = (stream) => {
  stream.on('error', () => undefined);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.pipe(stream);
};

function clientOf(url: string, options: SecureClientSessionOptions = {}): ClientHttp2Session {
  const client = connect(url, options);
  client.on('error', () => undefined);
  onTestFinished(() => client.destroy());
  return client;
}

async function call(client: ClientHttp2Session, body = 'hello', headers = {}) {
  const stream = client.request({ ...GRPC, ...headers });
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', (received: IncomingHttpHeaders) => (trailers = received));
  stream.end(body);
  const [response] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return { status: response[':status'], text, trailers };
}

test('one plain port serves gRPC and HTTP/1.1, each to those who speak it', async () => {
  const { url, port } = await startServer({ grpc: echo });
  const client = clientOf(url);
  expect(await call(client)).toEqual({
    status: 200,
    text: 'hello',
    trailers: expect.objectContaining({ 'grpc-status': '0' }),
  });
  expect((await callAthena(url)).status).toBe(200);
  expect(await sendRaw(port, 'PRO', 'PFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 4/,
  );
});

test('the preface may come in pieces', async () => {
  const { port } = await startServer({ grpc: echo });
  const slow = connectTcp(port, '127.0.0.1');
  onTestFinished(() => void slow.destroy());
  slow.setNoDelay(true);
  for (const part of ['P', 'RI * HTTP/2.0\r\n', '\r\nSM\r\n\r\n']) {
    slow.write(part);
    await new Promise((done) => setTimeout(done, 30));
  }
  const [settings] = (await once(slow, 'data')) as [Buffer];
  expect(settings[3]).toBe(4); // a SETTINGS frame: RFC 9113, section 6.5
});

test('one TLS port serves gRPC to who offers nothing but HTTP/2, and HTTP/1.1 to all others', async () => {
  const { certificate: cert, key } = makeCertificate();
  const { url, port } = await startServer({ grpc: echo, tls: { cert, key } });
  const secure = url.replace('http:', 'https:');
  expect((await call(clientOf(secure, { ca: cert }))).text).toBe('hello');
  const agreed = async (ALPNProtocols?: string[]) => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: cert, ...(ALPNProtocols && { ALPNProtocols }) });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket.alpnProtocol;
  };
  expect(await agreed(['h2'])).toBe('h2');
  expect(await agreed(['h2', 'http/1.1'])).toBe('http/1.1');
  expect(await agreed()).toBe(false);
  const health = request({ host: '127.0.0.1', port, path: '/health/live', ca: cert, agent: false });
  health.end();
  const [response] = await once(health, 'response');
  response.resume();
  expect(response.statusCode).toBe(200);
});

test('what is not gRPC is told to use HTTP/1.1', async () => {
  const { url } = await startServer({ grpc: echo });
  const answer = await call(clientOf(url), '{}', { 'content-type': 'application/x-amz-json-1.1' });
  expect(answer).toMatchObject({ status: 415, text: expect.stringContaining('over HTTP/1.1') });
});

test('a request shorter than the preface waits for nothing, nor does the end of who leaves without a word', async () => {
  const { port } = await startServer({ grpc: echo, limits: { headersMillis: 3_600_000 } });
  const short = connectTcp(port, '127.0.0.1');
  short.write('GET / HTTP/1.0\r\n\r\n');
  const [reply] = await once(short, 'data');
  expect(String(reply)).toMatch(/^HTTP\/1\.1 [34]\d\d /);
  short.destroy();
  const silent = connectTcp(port, '127.0.0.1');
  silent.resume().end();
  await once(silent, 'close');
});

test('who connects and says nothing is hung up on', async () => {
  const { port } = await startServer({ grpc: echo, limits: { headersMillis: 200 } });
  expect(await sendRaw(port)).toMatch(/^HTTP\/1\.1 408 /);
  expect(await sendRaw(port, 'PR')).toMatch(/^HTTP\/1\.1 408 /);
});

test('a connection without calls is closed after a while, one with a call that is silent is kept', async () => {
  const { url } = await startServer({ grpc: echo, limits: { keepAliveMillis: 300 } });
  const [idle, busy] = [clientOf(url), clientOf(url)];
  const stream = busy.request(GRPC);
  await once(stream, 'response');
  await until(() => idle.destroyed, 10_000);
  stream.end('still there');
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  expect(text).toBe('still there');
});

test('a server that is closed lets calls end, up to its deadline', async () => {
  const { url, server } = await startServer({ grpc: echo });
  const client = clientOf(url);
  const [short, long] = [client.request(GRPC), client.request(GRPC)];
  await Promise.all([once(short, 'response'), once(long, 'response')]);
  const closed = server.close(500);
  short.end('last words');
  let text = '';
  for await (const chunk of short.setEncoding('utf8')) text += chunk;
  expect(text).toBe('last words');
  long.on('error', () => undefined);
  await Promise.all([closed, once(long, 'close')]);
});

test('a call that is silent on the way holds up neither its connection nor others', async () => {
  const taken: number[] = [];
  const { url } = await startServer({
    grpc: (stream, headers) => {
      if (headers['x-stall'] === undefined) {
        echo(stream, headers);
        return;
      }
      stream.on('error', () => undefined);
      stream.once('data', (chunk: Buffer) => {
        taken.push(chunk.length);
        stream.pause();
      });
    },
  });
  const client = clientOf(url, { maxSessionMemory: 1000 });
  const stalled = client.request({ ...GRPC, 'x-stall': '1' });
  stalled.on('error', () => undefined);
  const sent = stalled.write(Buffer.alloc(64 * 1024 * 1024));
  await until(() => taken.length > 0, 10_000);
  expect(sent).toBe(false);
  expect((await call(client)).text).toBe('hello');
  expect(stalled.writableLength).toBeGreaterThan(0);
});
