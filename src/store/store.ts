import { Kysely, type LogEvent, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Logger } from 'pino';
import { storeAsked, storeReach } from '../happenings.ts';
import * as first from './migrations/0001-first.ts';
import * as replies from './migrations/0002-replies-of-request-tokens.ts';
import * as activeNewest from './migrations/0003-active-sessions-newest.ts';
import * as whatSessionsTake from './migrations/0004-what-sessions-take.ts';
import * as executors from './migrations/0005-executors.ts';
import { NulCharacters } from './nul-characters.ts';
import { isPostgresAway, nameOf, openPostgres } from './postgres.ts';
import type { ServerLockEvents } from './server-lock.ts';
import { isSqliteAway, openSqlite, type OwnSqliteDialect } from './sqlite.ts';
import { StoreUnavailable } from './store-unavailable.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** Forward only, applied in the order of their names. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-first': first,
  '0002-replies-of-request-tokens': replies,
  '0003-active-sessions-newest': activeNewest,
  '0004-what-sessions-take': whatSessionsTake,
  '0005-executors': executors,
};

export interface StoreOptions {
  readonly logger?: Logger;
  /** Called when another server has taken the database while this one could not reach it: nothing can be written any more. */
  readonly onTaken?: () => void;
  /** Tells how long each statement takes. */
  readonly measured?: boolean;
}

/**
 * Opens the state database, for this process alone, and brings its schema up to date.
 *
 * The lock is the operating system's (SQLite) or a connection's (PostgreSQL) and goes with the process, so a killed server
 * leaves nothing to clean up, and two servers can never serve one home or one database.
 *
 * @param url `sqlite:<file>` or `postgresql://user:password@host/database`
 * @throws StoreUnavailable
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Database> {
  const postgres = isPostgresUrl(url);
  const log = options.measured ? tellAsked : [];
  const sqlite = postgres ? undefined : dialectOf(url);
  const database = new Kysely<Tables>(
    sqlite === undefined
      ? { log, dialect: await openPostgres(url, eventsOf(options)), plugins: [new NulCharacters()] }
      : { log, dialect: sqlite },
  );
  if (sqlite !== undefined) copies.set(database, sqlite);
  try {
    if (postgres) await checkEncoding(database, nameOf(url));
    await migrate(database, postgres ? nameOf(url) : url);
    return database;
  } catch (error) {
    await database.destroy();
    throw error;
  }
}

/** Whether an error says that the database cannot be reached or written at the moment, rather than that it refuses what was asked. */
export function isStoreAway(error: unknown): boolean {
  return isPostgresAway(error) || isSqliteAway(error);
}

export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}

const copies = new WeakMap<Database, OwnSqliteDialect>();

/**
 * Writes a copy of a SQLite state database for a backup. Drivers are not in it: they are this server's, and one that is restored from the
 * copy must not take them for its own.
 */
export async function copyStore(database: Database, path: string): Promise<void> {
  await copies.get(database)?.copyTo(path);
  const copy = new Kysely<Tables>({ dialect: openSqlite(path) });
  try {
    await copy.updateTable('sessions').set({ driver_json: null }).where('driver_json', 'is not', null).execute();
    // One file, with nothing beside it.
    await sql`pragma journal_mode = delete`.execute(copy);
  } finally {
    await copy.destroy();
  }
}

async function migrate(database: Database, name: string): Promise<void> {
  const { error } = await new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error !== undefined) {
    throw new StoreUnavailable(
      `The state database ${name} could not be brought up to date: ${(error as Error).message}`,
    );
  }
}

/** Names and code may have any character. */
async function checkEncoding(database: Database, name: string): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`show server_encoding`.execute(database);
  const encoding = rows[0]?.server_encoding;
  if (encoding !== 'UTF8')
    throw new StoreUnavailable(`The state database ${name} has the encoding ${encoding}; it must be UTF8.`);
}

const STATEMENTS: Readonly<Record<string, string>> = {
  SelectQueryNode: 'select',
  InsertQueryNode: 'insert',
  UpdateQueryNode: 'update',
  DeleteQueryNode: 'delete',
};

function tellAsked({ level, query, queryDurationMillis }: LogEvent): void {
  const statement = STATEMENTS[query.query.kind] ?? (query.sql === 'commit' ? 'commit' : 'other');
  storeAsked.tell({ statement, seconds: queryDurationMillis / 1000, failed: level === 'error' });
}

function eventsOf({ logger, onTaken }: StoreOptions): ServerLockEvents {
  return {
    lost: (reason) => {
      storeReach.tell({ reachable: false });
      logger?.error({ reason }, 'The state database is away; calls fail until it is back');
    },
    regained: () => {
      storeReach.tell({ reachable: true });
      logger?.info('The state database is back');
    },
    taken: () => {
      logger?.fatal('Another Parthenon server has taken the state database');
      onTaken?.();
    },
  };
}

function dialectOf(url: string): OwnSqliteDialect {
  const path = /^sqlite:(.+)$/.exec(url)?.[1];
  if (path === undefined)
    throw new StoreUnavailable(
      'PARTHENON_DATABASE_URL must be sqlite:<file> or postgresql://user:password@host/database.',
    );
  try {
    return openSqlite(path, { exclusive: true });
  } catch (error) {
    const message = (error as Error).message;
    throw new StoreUnavailable(
      /locked|busy/i.test(message)
        ? `Another Parthenon server is using ${path}. Stop it, or start this one with another PARTHENON_HOME.`
        : `The state database ${path} cannot be opened: ${message}`,
    );
  }
}
