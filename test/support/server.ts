import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AthenaClient } from '@aws-sdk/client-athena';
import { S3Client } from '@aws-sdk/client-s3';

const checkout = resolve(import.meta.dirname, '..', '..');
const START_TIMEOUT_MILLIS = 60_000;

/** A server in a process of its own, started as a user starts it, and clients that point at it. */
export interface TestServer {
  readonly endpoint: string;
  readonly home: string;
  readonly process: ChildProcess;
  /** What the printed `export` lines set. */
  readonly environment: Readonly<Record<string, string>>;
  readonly athena: AthenaClient;
  readonly s3: S3Client;
  /** What the server has logged so far. */
  log(): string;
  /** Ends the process (SIGTERM unless told) and waits for it; the home stays. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends the process and removes the home. */
  remove(): Promise<void>;
}

/**
 * Starts `parthenon start` on a free port; unless told, with neither pool nor catalog, which take a JVM each.
 * @param settings as flags, e.g. `{ 'pool-size': '0' }`
 * @param home an earlier server's, to start again on its state
 * @param others variables beside settings
 */
export async function startTestServer(
  settings: Record<string, string> = {},
  home = newHome(),
  others: NodeJS.ProcessEnv = {},
): Promise<TestServer> {
  const flags = Object.entries({ home, port: '0', 'pool-size': '0', catalog: 'off', ...settings }).flatMap(
    ([name, value]) => [`--${name}`, value],
  );
  const child = spawn(process.execPath, [join(checkout, 'src', 'cli.ts'), 'start', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...others },
  });
  let output = '';
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  await until(() => output.includes('Stop with Ctrl-C') || child.exitCode !== null, START_TIMEOUT_MILLIS);
  const environment = Object.fromEntries(
    [...output.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const endpoint = environment.AWS_ENDPOINT_URL;
  if (endpoint === undefined) {
    child.kill('SIGKILL');
    throw new Error(`The server did not start: ${output}\n${log}`);
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((done) => child.once('exit', done));
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  };
  const client = {
    endpoint,
    region: environment.AWS_REGION ?? '',
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    },
  };
  return {
    endpoint,
    home,
    process: child,
    environment,
    athena: new AthenaClient({ ...client, maxAttempts: 1 }),
    s3: new S3Client({ ...client, forcePathStyle: true }),
    log: () => log,
    stop,
    remove: async () => {
      await stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'parthenon-test-'));
}

/** The test's own environment without settings or AWS variables that would leak into the server. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => name === 'PARTHENON_RUNTIME' || !/^(AWS_|PARTHENON_|OTEL_)/.test(name),
    ),
  );
}

/** Waits for a condition, looking every 20 ms. @throws when it does not come true in time */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMillis: number): Promise<void> {
  const deadline = Date.now() + timeoutMillis;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Still not so after ${timeoutMillis} ms: ${condition}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
