import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type PostgresServer, postgresPrograms, startPostgres } from '../catalog/postgres-server.ts';

/** What a URL has to escape. */
const PASSWORD = 'a/b@c:<&>%"$' + '{x}';

/** Real databases of one kind, for one test file. */
export interface Databases {
  /** Where a new and empty one is. */
  newUrl(): Promise<string>;
  remove(): Promise<void>;
}

export interface PostgresDatabases extends Databases {
  readonly server: PostgresServer;
  readonly password: string;
  /** One that is not there, or by another password. */
  urlOf(database: string, password?: string): string;
  /** Runs SQL as PostgreSQL's own administrator. */
  query<Row extends Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<Row[]>;
}

const programs = postgresPrograms();

/** To be looped over by every suite that is about the store: `describe.skipIf(skip)(title, …)`. */
export const dialects = [
  { name: 'SQLite', title: 'on SQLite', skip: false, open: openSqliteDatabases },
  {
    name: 'PostgreSQL',
    title: `on PostgreSQL${programs ? '' : ' (not run: it is not installed; apt-get install postgresql)'}`,
    skip: programs === undefined,
    open: openPostgresDatabases,
  },
] as const satisfies { name: string; title: string; skip: boolean; open: () => Promise<Databases> }[];

export async function openSqliteDatabases(): Promise<Databases> {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-store-'));
  let made = 0;
  return {
    newUrl: async () => `sqlite:${join(folder, `${++made}.db`)}`,
    remove: async () => rmSync(folder, { recursive: true }),
  };
}

export async function openPostgresDatabases(): Promise<PostgresDatabases> {
  const server = await startPostgres(programs as string, PASSWORD);
  let made = 0;
  const urlOf = (database: string, password = PASSWORD) =>
    `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${database}?sslmode=disable`;
  const query = async <Row extends Record<string, unknown>>(sql: string, parameters: unknown[] = []) => {
    const client = new Client({ connectionString: urlOf('postgres') });
    await client.connect();
    const { rows } = await client.query<Row>(sql, parameters);
    await client.end();
    return rows;
  };
  return {
    server,
    password: PASSWORD,
    urlOf,
    query,
    newUrl: async () => {
      const name = `test_${++made}`;
      // Sorts as a language does, as databases of users mostly do.
      await query(`CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'`);
      return urlOf(name);
    },
    remove: () => server.remove(),
  };
}
