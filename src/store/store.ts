import { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import * as first from './migrations/0001-first.ts';
import * as replies from './migrations/0002-replies-of-request-tokens.ts';
import { openSqlite } from './sqlite.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** Forward only, applied in the order of their names. */
const migrations: Record<string, Migration> = {
  '0001-first': first,
  '0002-replies-of-request-tokens': replies,
};

/** The state database cannot be opened; `message` says what to do. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * Opens the state database and brings its schema up to date.
 *
 * A SQLite file is opened for this process alone: the lock is the operating system's and goes with the process, so a
 * killed server leaves nothing to clean up, and two servers can never serve one home.
 *
 * @param url `sqlite:<file>`
 * @throws StoreUnavailable
 */
export async function openStore(url: string): Promise<Database> {
  const database = new Kysely<Tables>({ dialect: dialectOf(url) });
  const { error } = await new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error !== undefined) {
    await database.destroy();
    throw new StoreUnavailable(
      `The state database ${url} could not be brought up to date: ${(error as Error).message}`,
    );
  }
  return database;
}

function dialectOf(url: string) {
  const path = /^sqlite:(.+)$/.exec(url)?.[1];
  if (path === undefined)
    throw new StoreUnavailable(`PARTHENON_DATABASE_URL must be sqlite:<file>; it begins with ${url.slice(0, 8)}.`);
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
