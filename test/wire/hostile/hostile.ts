import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { AccessKey } from '../../../src/access/principal.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';
import { sign } from '../signing.ts';

/**
 * The same examples each time; `FUZZ_SEED` and `FUZZ_RUNS` choose others and more. A failure prints its seed, and the smallest example
 * that fails.
 */
export const FUZZ: fc.Parameters<unknown> = {
  seed: Number(process.env.FUZZ_SEED ?? 20_261_122),
  numRuns: Number(process.env.FUZZ_RUNS ?? 150),
};

/** What is told of a server that serves everything and what S3 has room for no more; `501` is what is not built. */
const DOCUMENTED_FAULTS: ReadonlySet<number> = new Set([501, 503, 507]);
/** Beyond what a server that does nothing has: bodies, documents and replies under way, and what is garbage and not yet collected. */
const MOST_GROWTH_MEBIBYTES = 700;
const LONGEST_REPLY_BYTES = 16 * 1024 * 1024;
const HANG_MILLIS = 20_000;

export interface HostileReply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A server as users start it, and what has to hold of it whatever it is sent. */
export class Victim {
  readonly server: TestServer;
  readonly port: number;
  readonly region: string;
  readonly #key: AccessKey;
  readonly #restingMebibytes: number;
  readonly #homeAtRest: ReadonlySet<string>;

  private constructor(server: TestServer) {
    this.server = server;
    this.port = Number(new URL(server.endpoint).port);
    const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_REGION = '' } = server.environment;
    this.region = AWS_REGION;
    this.#key = {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      principal: { arn: 'arn:aws:iam::123456789012:root', accountId: '123456789012', kind: 'administrator' },
    };
    this.#restingMebibytes = residentMebibytes(server);
    this.#homeAtRest = new Set(this.#names());
  }

  static async start(settings: Record<string, string> = {}, home?: string): Promise<Victim> {
    return new Victim(await startTestServer(settings, home));
  }

  /** Sends bytes and no more; all that comes back until the server hangs up. @throws when it does not */
  async send(...parts: readonly (string | Buffer)[]): Promise<string> {
    return await this.#send(parts, true);
  }

  /** @param ends whether the client says that it will send no more: nobody works for one who has gone */
  async #send(parts: readonly (string | Buffer)[], ends: boolean): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.length > LONGEST_REPLY_BYTES) reject(new Error('The reply has no end.'));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
    const hangs = setTimeout(
      () => reject(new Error(`No end after ${HANG_MILLIS} ms: ${received.slice(0, 500)}`)),
      HANG_MILLIS,
    );
    for (const part of parts) socket.write(part);
    if (ends) socket.end();
    try {
      return await promise;
    } finally {
      clearTimeout(hangs);
      socket.destroy();
    }
  }

  /** A request that is signed in good order, whatever is in it. */
  async signed(
    service: 'athena' | 's3' | 'sts',
    request: {
      method: string;
      path: string;
      query?: Record<string, string>;
      headers?: Record<string, string>;
      body?: string | Buffer;
    },
  ): Promise<HostileReply> {
    const { method, path, query, headers = {}, body = '' } = request;
    const host = `127.0.0.1:${this.port}`;
    const bytes = Buffer.from(body);
    const plain = {
      method,
      path,
      headers: { host, 'x-amz-content-sha256': hash('sha256', bytes), ...headers },
      ...(query && { query }),
    };
    const options = { service, key: this.#key, region: this.region, date: new Date() };
    const { headers: fields, rawQuery } = await sign(plain, options);
    const target = rawQuery === '' ? path : `${path}?${rawQuery}`;
    const lines = Object.entries(fields as Record<string, string>).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}content-length: ${bytes.length}\r\nconnection: close\r\n\r\n`;
    const [reply] = this.replies(await this.#send([head, bytes], false), method);
    if (reply === undefined) throw new Error('There was no reply.');
    return reply;
  }

  /** An Athena call with this body, signed. */
  async athena(operation: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<HostileReply> {
    const fields = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AmazonAthena.${operation}` };
    return await this.signed('athena', { method: 'POST', path: '/', headers: { ...fields, ...headers }, body });
  }

  /** Splits what came back into replies, none of which may be a fault of the server. */
  replies(received: string, method = 'GET'): HostileReply[] {
    const found: HostileReply[] = [];
    for (let rest = received; rest !== ''; ) {
      const end = rest.indexOf('\r\n\r\n');
      const head = rest.slice(0, end);
      const status = Number(/^HTTP\/1\.1 (\d{3}) [^\r\n]*(?:\r\n|$)/.exec(head)?.[1]);
      expect(status, `not HTTP: ${rest.slice(0, 200)}`).toBeGreaterThanOrEqual(100);
      if (status >= 500) expect(DOCUMENTED_FAULTS, head).toContain(status);
      for (const line of head.split('\r\n').slice(1)) expect(line).toMatch(/^[A-Za-z0-9-]+: [^\0\r\n]*$/);
      rest = rest.slice(end + 4);
      const length = method === 'HEAD' ? 0 : lengthOf(head, rest);
      found.push({ status, head, body: rest.slice(0, length) });
      rest = rest.slice(length);
    }
    return found;
  }

  /** What has to hold after all that: an honest client is served, nothing was unexpected, no memory or file is where it should not be. */
  async checkUnharmed(): Promise<void> {
    const { server } = this;
    expect((await server.athena.send(new ListWorkGroupsCommand())).WorkGroups?.length).toBeGreaterThan(0);
    await server.s3.send(new ListBucketsCommand());
    expect(server.process.exitCode).toBeNull();
    expect(server.log()).not.toMatch(/unexpectedly|"level":(50|60)/);
    for (const line of server.log().split('\n').slice(0, -1)) {
      expect(line).not.toMatch(/\p{Cc}/u);
      expect(() => JSON.parse(line), line).not.toThrow();
    }
    expect(residentMebibytes(server) - this.#restingMebibytes).toBeLessThan(MOST_GROWTH_MEBIBYTES);
    expect(this.#names().filter((name) => !this.#homeAtRest.has(name))).toEqual([]);
  }

  /** Everything below the home but rows of objects and their bytes, which have names of the server's own. */
  #names(): string[] {
    const names = readdirSync(this.server.home, { recursive: true }) as string[];
    return names.filter((name) => !/^objects\/bytes\/[0-9a-f]{2}\/[0-9a-f]{24}-\d+$|-(wal|shm|journal)$/.test(name));
  }
}

/** Node's own refusals come in chunks, of which there is only the last. */
function lengthOf(head: string, rest: string): number {
  if (/^transfer-encoding: chunked$/im.test(head)) return rest.indexOf('0\r\n\r\n') + 5;
  return Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
}

function residentMebibytes({ process: { pid }, home }: TestServer): number {
  const status = readFileSync(join('/proc', String(pid), 'status'), 'utf8');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`The server at ${home} has gone.`);
  return Number(kibibytes) / 1024;
}

/** Text that is meant for somebody else: a terminal, a log, a shell, a header, a path. */
export const INJECTIONS = [
  'a\r\nX-Injected: 1',
  'a\nb',
  '\u001b[2J\u001b]0;owned\u0007',
  '\u009b31m',
  '{"level":60,"msg":"forged"}',
  '\n{"level":60,"msg":"forged"}\n',
  '"><script>alert(1)</script>',
  '</Message><Code>AccessDenied</Code>',
  '__proto__',
  'constructor',
  '../../../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  '/dev/null',
  '\0',
  '\u202e\u2028\u2029\ufeff',
  '\ud800',
  '$' + '{jndi:ldap://127.0.0.1/a}',
  "'; DROP TABLE sessions; --",
  '$(touch /tmp/owned)',
  'e\u0301',
  '\u00e9',
  'a'.repeat(5000),
] as const;

/** Hostile text: what is known to do harm somewhere, or any text, or both. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...INJECTIONS),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.tuple(fc.string({ maxLength: 20 }), fc.constantFrom(...INJECTIONS)).map((parts) => parts.join('')),
);
