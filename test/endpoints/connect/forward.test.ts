import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type ForwardedCall, forwardCall } from '../../../src/endpoints/connect/forward.ts';
import { forwardable, GrpcError } from '../../../src/endpoints/connect/grpc.ts';
import { until } from '../../support/server.ts';

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const MEBIBYTE = 1024 * 1024;
const GRPC = { ':method': 'POST', ':path': '/service/Call', 'content-type': 'application/grpc' };
const LAST = new GrpcError('FAILED_PRECONDITION', 'It is over: 100 % überall.');

async function listen(serve: Serve): Promise<string> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    serve(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(url: string): ClientHttp2Session {
  const client = connect(url);
  client.on('error', () => undefined);
  onTestFinished(() => client.destroy());
  return client;
}

/** A client before, and a session behind, what passes calls on. */
async function setUp(session: Serve, onBroken = (call: ForwardedCall): void => call.end(LAST)) {
  const behind = clientOf(await listen(session));
  const calls: ForwardedCall[] = [];
  const front = await listen((stream, headers) => {
    calls.push(forwardCall(stream, behind, { ...forwardable(headers, ['x-token']), 'x-secret': 's' }, onBroken));
  });
  return { client: clientOf(front), behind, calls };
}

function callTo(client: ClientHttp2Session): ClientHttp2Stream {
  const call = client.request({ ...GRPC, 'x-token': 't', 'x-kept': 'k' });
  call.on('error', () => undefined);
  return call;
}

/** What a client hears of a call. */
async function heard(call: ClientHttp2Stream) {
  let [head, trailers]: IncomingHttpHeaders[] = [{}, {}];
  let bytes = 0;
  call.on('response', (headers) => (head = headers));
  call.on('trailers', (headers: IncomingHttpHeaders) => (trailers = headers));
  call.on('data', (chunk: Buffer) => (bytes += chunk.length));
  if (!call.closed) await once(call, 'close');
  const status = trailers?.['grpc-status'] ?? head?.['grpc-status'];
  const message = decodeURIComponent(String(trailers?.['grpc-message'] ?? head?.['grpc-message'] ?? ''));
  return { bytes, status, message, code: call.rstCode };
}

function answer(stream: ServerHttp2Stream, trailers: Record<string, string> = { 'grpc-status': '0' }): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
}

test('headers, data and trailers pass both ways, but for what is meant for the server', async () => {
  let received: IncomingHttpHeaders = {};
  const { client } = await setUp((stream, headers) => {
    received = headers;
    answer(stream, { 'grpc-status': '3', 'grpc-message': 'odd', 'x-more': 'm' });
    stream.pipe(stream);
  });
  const call = callTo(client);
  call.end(Buffer.alloc(3 * MEBIBYTE));
  expect(await heard(call)).toEqual({ bytes: 3 * MEBIBYTE, status: '3', message: 'odd', code: 0 });
  expect(received).toMatchObject({ ':path': '/service/Call', 'x-kept': 'k', 'x-secret': 's' });
  expect(received).not.toHaveProperty('x-token');
});

test('an answer that is nothing but a status passes too', async () => {
  const { client } = await setUp((stream) => {
    stream.respond({ ':status': 200, 'grpc-status': '5', 'grpc-message': 'none' }, { endStream: true });
  });
  const call = callTo(client);
  call.end();
  expect(await heard(call)).toMatchObject({ status: '5', message: 'none' });
});

test('a call that its client cancels is cancelled behind', async () => {
  const codes: (number | undefined)[] = [];
  const { client } = await setUp((stream) => {
    answer(stream);
    stream.write('first');
    stream.once('close', () => codes.push(stream.rstCode));
  });
  const call = callTo(client);
  await once(call, 'data');
  call.close(8);
  await until(() => codes.length > 0, 10_000);
  expect(codes).toEqual([8]);
});

test('a call that is ended by the server tells why, before its answer and in the middle of it', async () => {
  const { client, calls } = await setUp((stream, headers) => {
    if (headers['x-kept'] === undefined) return;
    answer(stream);
    stream.write('first');
  });
  const [silent, begun] = [client.request(GRPC), callTo(client)];
  silent.on('error', () => undefined);
  await once(begun, 'data');
  await until(() => calls.length === 2, 10_000);
  for (const call of calls) call.end(LAST);
  for (const each of await Promise.all([heard(silent), heard(begun)]))
    expect(each).toMatchObject({ status: '9', message: LAST.message });
});

test('a session that breaks off is explained', async () => {
  const { client } = await setUp((stream) => {
    answer(stream);
    stream.write('first', () => stream.session?.destroy());
  });
  const call = callTo(client);
  call.end();
  expect(await heard(call)).toMatchObject({ bytes: 5, status: '9', message: LAST.message });
});

test('an answer goes no faster than its client reads it', async () => {
  let sent = 0;
  const { client } = await setUp((stream) => {
    answer(stream);
    const push = () => {
      while (sent < 64) {
        sent += 1;
        if (!stream.write(Buffer.alloc(MEBIBYTE))) {
          stream.once('drain', push);
          return;
        }
      }
      stream.end();
    };
    push();
  });
  const call = callTo(client);
  call.end();
  await once(call, 'response');
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((done) => setTimeout(done, 200));
  }
  expect(sent).toBeLessThan(16);
  expect(await heard(call)).toMatchObject({ bytes: 64 * MEBIBYTE, status: '0' });
});

test('what a client still sends after its answer is for nobody', async () => {
  const { client } = await setUp((stream) => {
    stream.respond({ ':status': 200, 'grpc-status': '13' }, { endStream: true });
    stream.resume();
  });
  const call = callTo(client);
  call.write(Buffer.alloc(8 * MEBIBYTE));
  expect(await heard(call)).toMatchObject({ status: '13' });
});
