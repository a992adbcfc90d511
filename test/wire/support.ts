import { connect } from 'node:net';
import { Writable } from 'node:stream';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { OperationTable } from '../../src/operations/operation.ts';
import { createServer, type ServerOptions, type WireServer } from '../../src/wire/server.ts';
import { ADMINISTRATOR, keys, REGION, sign, type SignOptions } from './signing.ts';

export interface RunningServer {
  readonly server: WireServer;
  readonly port: number;
  readonly url: string;
  /** What was logged, a line each. */
  readonly log: string[];
}

/** A real server on a free port, closed when the test ends. */
export async function startServer(options: Partial<ServerOptions> = {}, wanted = 0): Promise<RunningServer> {
  const log: string[] = [];
  const lines = new Writable({
    write(chunk, _, done) {
      log.push(String(chunk));
      done();
    },
  });
  const server = createServer({
    operations: OPERATIONS,
    keys,
    region: REGION,
    ready: () => true,
    logger: pino({}, lines),
    ...options,
  });
  const { port } = await server.listen(wanted, '127.0.0.1');
  onTestFinished(() => server.close(0));
  return { server, port, url: `http://127.0.0.1:${port}`, log };
}

/** A small table: one operation that answers, one that fails unexpectedly; the others are not built. */
export const OPERATIONS: OperationTable = {
  GetSession: async (input) => ({ ...input, Status: { State: 'IDLE', StartDateTime: new Date(1_700_000_000_123) } }),
  ListSessions: async () => {
    throw new TypeError('a secret of the inside');
  },
};

export interface Call {
  readonly target?: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly options?: SignOptions;
}

/** A signed Athena call by fetch, for what the SDKs would never send. */
export async function callAthena(
  url: string,
  call: Call = {},
): Promise<{ status: number; headers: Headers; body: Answer }> {
  const {
    target = 'AmazonAthena.GetSession',
    body = '{"SessionId":"s-1"}',
    contentType = 'application/x-amz-json-1.1',
  } = call;
  const { host } = new URL(url);
  const plain = {
    method: 'POST',
    path: '/',
    body,
    headers: { host, 'content-type': contentType, 'x-amz-target': target },
  };
  const signed = await sign(plain, { date: new Date(), key: ADMINISTRATOR, ...call.options });
  const { host: _, ...headers } = signed.headers as Record<string, string>;
  const response = await fetch(url, { method: 'POST', headers, body });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
}

export type Answer = Readonly<Record<string, unknown>>;

const ATHENA = { host: 'x', 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonAthena.GetSession' };

/** Headers of a call whose body may be any: what is looked at before the body is right, the signature itself is not. */
export async function headersBeforeBody(options: SignOptions = {}): Promise<Record<string, string>> {
  const plain = { method: 'POST', path: '/', headers: ATHENA };
  return (await sign(plain, { date: new Date(), ...options })).headers as Record<string, string>;
}

/** The same as bytes, for `sendRaw`; without the empty line at their end. */
export async function headBeforeBody(options: SignOptions = {}): Promise<string> {
  const fields = Object.entries(await headersBeforeBody(options)).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST / HTTP/1.1\r\n${fields.join('')}`;
}

/** Sends bytes as they are and returns all that comes back until the server hangs up. */
export async function sendRaw(port: number, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(received));
  for (const part of parts) socket.write(part);
  return promise;
}
