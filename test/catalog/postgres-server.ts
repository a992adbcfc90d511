import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { until } from '../support/server.ts';

/** PostgreSQL refuses to run as root; nobody owns nothing. */
const NOBODY = 65_534;
const START_TIMEOUT_MILLIS = 60_000;

export interface PostgresServer {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** The folder of PostgreSQL's programs; undefined where it is not installed. */
export function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const folder = [...(process.env.PATH ?? '').split(delimiter), ...versions].find(
    (path) => path !== '' && existsSync(join(path, 'initdb')),
  );
  return folder && dirname(realpathSync(join(folder, 'initdb')));
}

/** Makes a PostgreSQL in a temporary folder, whose user `postgres` signs in with a password, and starts it. */
export async function startPostgres(programs: string, password: string): Promise<PostgresServer> {
  const owner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const root = mkdtempSync(join(tmpdir(), 'parthenon-postgres-'));
  const [data, passwordFile] = [join(root, 'data'), join(root, 'password')];
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined) for (const path of [root, data, passwordFile]) chownSync(path, owner.uid, owner.gid);
  chmodSync(root, 0o711);
  const signIn = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const cluster = ['--pgdata', data, '--no-sync', '--encoding=UTF8', '--locale=C'];
  execFileSync(join(programs, 'initdb'), [...cluster, ...signIn], { ...owner, cwd: root, stdio: 'ignore' });
  const port = await freePort();
  let server: ChildProcess | undefined;
  const start = async () => {
    const settings = ['-D', data, '-p', String(port), '-k', root, '-c', 'listen_addresses=127.0.0.1'];
    server = spawn(join(programs, 'postgres'), settings, { ...owner, cwd: root, stdio: 'ignore' });
    await until(() => accepts(programs, port), START_TIMEOUT_MILLIS);
  };
  const stop = async () => {
    if (server === undefined) return;
    const exited = once(server, 'exit');
    server.kill('SIGINT'); // its fast shutdown: connections are closed
    await exited;
    server = undefined;
  };
  await start();
  return {
    port,
    start,
    stop,
    remove: async () => {
      await stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function accepts(programs: string, port: number): boolean {
  try {
    execFileSync(join(programs, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => probe.listen(0, '127.0.0.1', listening));
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
