import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPostgresAway } from '../../src/store/postgres.ts';
import { type Database, openStore, type StoreOptions } from '../../src/store/store.ts';
import { StoreUnavailable } from '../../src/store/store-unavailable.ts';
import { insertWorkGroup, listWorkGroups, updateWorkGroup } from '../../src/store/workgroups.ts';
import { until } from '../support/server.ts';
import { dialects, openPostgresDatabases, type PostgresDatabases } from './databases.ts';

const { title, skip } = dialects[1];
const BACK_MILLIS = 30_000;

const workGroup = (name: string) =>
  ({ name, state: 'ENABLED', description: null, configuration_json: '{}', created_at: 1 }) as const;

describe.skipIf(skip)(`the state store ${title}`, () => {
  let databases: PostgresDatabases;
  const opened: Database[] = [];

  beforeAll(async () => {
    databases = await openPostgresDatabases();
  });
  afterAll(async () => {
    for (const database of opened) await database.destroy();
    await databases?.remove();
  });

  async function openNew(options?: StoreOptions): Promise<{ url: string; database: Database }> {
    const url = await databases.newUrl();
    const database = await openStore(url, options);
    opened.push(database);
    return { url, database };
  }

  /** Ends connections to the database as a network would; those that hold an advisory lock, or the others. */
  async function cut(url: string, which: 'lock' | 'others'): Promise<number> {
    const holder = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2)";
    const rows = await databases.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = $1 AND application_name = 'parthenon' AND ${which === 'lock' ? '' : 'NOT '}${holder}`,
      [new URL(url).pathname.slice(1)],
    );
    return rows.length;
  }

  async function untilBack(database: Database): Promise<void> {
    await until(
      () =>
        listWorkGroups(database, { limit: 1 }).then(
          () => true,
          (error) => {
            if (isPostgresAway(error)) return false;
            throw error;
          },
        ),
      BACK_MILLIS,
    );
  }

  it('says what is wrong with a URL, and never a password', async () => {
    const wrong = { secret: 'not&the/one', encoded: encodeURIComponent('not&the/one') };
    const urls = {
      'password authentication failed': databases.urlOf('postgres', wrong.secret),
      'database "missing" does not exist': databases.urlOf('missing'),
      'missing on 127.0.0.1': databases.urlOf('missing'),
      ECONNREFUSED: databases.urlOf('postgres').replace(`:${databases.server.port}/`, ':1/'),
      'must be postgresql://': 'postgresql://[',
    };
    for (const [message, url] of Object.entries(urls)) {
      const error: Error = await openStore(url).then(
        () => Promise.reject(new Error('It was opened')),
        (reason) => reason,
      );
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect(error.message).toContain(message);
      for (const secret of [wrong.secret, wrong.encoded, databases.password, encodeURIComponent(databases.password)]) {
        expect(`${error.stack}`).not.toContain(secret);
      }
    }
  });

  it('takes no database that cannot hold every character', async () => {
    await databases.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    await expect(openStore(databases.urlOf('latin'))).rejects.toThrow('has the encoding LATIN1; it must be UTF8');
  });

  it('reads bigint as number, and leaves other users of pg alone', async () => {
    const { database } = await openNew();
    const mine = await sql<{ value: unknown }>`select ${Number.MAX_SAFE_INTEGER}::bigint as value`.execute(database);
    expect(mine.rows).toEqual([{ value: Number.MAX_SAFE_INTEGER }]);
    expect(await databases.query('SELECT 1::bigint AS value')).toEqual([{ value: '1' }]);
  });

  it('goes on when its connections were cut, one within a transaction included', async () => {
    const { url, database } = await openNew();
    await insertWorkGroup(database, workGroup('before'));
    const transaction = database.transaction().execute(async (transaction) => {
      await updateWorkGroup(transaction, 'before', { description: 'lost' });
      expect(await cut(url, 'others')).toBeGreaterThan(0);
      await until(async () => (await cut(url, 'others')) === 0, BACK_MILLIS);
      await updateWorkGroup(transaction, 'before', { description: 'lost, too' });
    });
    const error = await transaction.catch((reason: unknown) => reason);
    expect(isPostgresAway(error)).toBe(true);
    await untilBack(database);
    expect((await listWorkGroups(database, { limit: 10 })).rows).toEqual([workGroup('before')]);
  });

  it('takes its lock again after it was lost', async () => {
    const { url, database } = await openNew();
    expect(await cut(url, 'lock')).toBe(1);
    await untilBack(database);
    await until(async () => (await holders(url)) === 1, BACK_MILLIS);
    await expect(openStore(url)).rejects.toThrow('Another Parthenon server is using');
    await untilBack(database);
  });

  it('works again after PostgreSQL was restarted; until then every query fails as one may be repeated', async () => {
    const { database } = await openNew();
    await insertWorkGroup(database, workGroup('kept'));
    await databases.server.stop();
    for (let query = 0; query < 20; query += 1) {
      const error = await insertWorkGroup(database, workGroup(`${query}`)).catch((reason: unknown) => reason);
      expect(isPostgresAway(error), String(error)).toBe(true);
    }
    await databases.server.start();
    await untilBack(database);
    expect((await listWorkGroups(database, { limit: 10 })).rows).toEqual([workGroup('kept')]);
  });

  it('can be closed while PostgreSQL is away, and leaves nothing behind', async () => {
    const url = await databases.newUrl();
    const database = await openStore(url);
    await databases.server.stop();
    await database.destroy();
    await databases.server.start();
    const next = await openStore(url);
    await next.destroy();
  });

  it('gives up when another server has taken the database meanwhile, and writes nothing', {
    timeout: 120_000,
  }, async () => {
    let gaveUp = false;
    const { url, database } = await openNew({
      onTaken: () => {
        gaveUp = true;
      },
    });
    const other = new Client({ connectionString: url });
    await other.connect();
    // Waits in PostgreSQL for the lock, and so has it before anybody else.
    const [{ classid, objid } = {}] = await databases.query<{ classid: string; objid: string }>(
      "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = $1)",
      [new URL(url).pathname.slice(1)],
    );
    const waiting = other.query('SELECT pg_advisory_lock($1, $2)', [classid, objid]);
    await cut(url, 'lock');
    await waiting;
    // The broken connection is told to this process by its socket, a moment later.
    await until(
      async () => isPostgresAway(await listWorkGroups(database, { limit: 1 }).catch((reason: unknown) => reason)),
      10_000,
    );
    await until(async () => {
      const error = await insertWorkGroup(database, workGroup('late')).catch((reason: unknown) => reason);
      return isPostgresAway(error) && gaveUp;
    }, 100_000);
    expect((await other.query("SELECT name FROM workgroups WHERE name = 'late'")).rows).toEqual([]);
    await other.end();
  });

  async function holders(url: string): Promise<number> {
    const rows = await databases.query(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = $1)",
      [new URL(url).pathname.slice(1)],
    );
    return rows.length;
  }
});
