import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Generated, Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSqliteAway, openSqlite } from '../../src/store/sqlite.ts';

interface Tables {
  parent: { id: Generated<number>; name: string };
  child: { id: Generated<number>; parent_id: number };
}

describe('openSqlite', () => {
  let folder: string;
  let db: Kysely<Tables>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parthenon-sqlite-'));
    db = new Kysely<Tables>({ dialect: openSqlite(join(folder, 'db.sqlite')) });
    await sql`create table parent (id integer primary key, name text not null)`.execute(db);
    await sql`create table child (id integer primary key, parent_id integer not null references parent)`.execute(db);
  });

  afterEach(async () => {
    await db.destroy();
    rmSync(folder, { recursive: true });
  });

  test('is in WAL mode and syncs every commit', async () => {
    const journal = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db);
    const synchronous = await sql<{ synchronous: number }>`pragma synchronous`.execute(db);
    expect(journal.rows[0]?.journal_mode).toBe('wal');
    expect(synchronous.rows[0]?.synchronous).toBe(2);
  });

  test('returns rows of INSERT … RETURNING and counts of plain updates', async () => {
    const inserted = await db.insertInto('parent').values({ name: 'a' }).returning('id').executeTakeFirstOrThrow();
    expect(inserted.id).toBe(1);
    const updated = await db.updateTable('parent').set({ name: 'b' }).where('name', '=', 'a').executeTakeFirst();
    expect(updated.numUpdatedRows).toBe(1n);
  });

  test('enforces foreign keys', async () => {
    await expect(db.insertInto('child').values({ parent_id: 7 }).execute()).rejects.toThrow(/FOREIGN KEY/);
  });

  test('rolls a failed transaction back', async () => {
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('parent').values({ name: 'gone' }).execute();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await db.selectFrom('parent').selectAll().execute()).toEqual([]);
  });

  test('a full disk fails a transaction as something to repeat, and it succeeds once there is room', async () => {
    // SQLite's own word for a full disk, without one.
    await sql`pragma max_page_count = 8`.execute(db);
    const much = () =>
      db.transaction().execute(async (trx) => {
        for (let row = 0; row < 100; row += 1)
          await trx
            .insertInto('parent')
            .values({ name: 'x'.repeat(4000) })
            .execute();
      });
    const error = await much().catch((reason: unknown) => reason);
    expect(isSqliteAway(error), String(error)).toBe(true);
    expect(await db.selectFrom('parent').selectAll().execute()).toEqual([]);
    await sql`pragma max_page_count = 1000000`.execute(db);
    await much();
    const refused = await db
      .insertInto('child')
      .values({ parent_id: 7777 })
      .execute()
      .catch((reason: unknown) => reason);
    expect(isSqliteAway(refused)).toBe(false);
  });

  test('begins transactions as writers: a second connection cannot write under one that has only read', async () => {
    const other = new Kysely<Tables>({ dialect: openSqlite(join(folder, 'db.sqlite')) });
    await sql`pragma busy_timeout = 0`.execute(other);
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('parent').selectAll().execute();
      await expect(other.insertInto('parent').values({ name: 'x' }).execute()).rejects.toThrow(/locked/);
    });
    await other.destroy();
  });

  test('runs more distinct statements than it keeps', async () => {
    for (let length = 1; length <= 300; length++) {
      const ids = Array.from({ length }, (_, index) => index);
      expect(await db.selectFrom('parent').selectAll().where('id', 'in', ids).execute()).toEqual([]);
    }
  });

  test('streams while the same statement runs again', async () => {
    await db
      .insertInto('parent')
      .values([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      .execute();
    const query = db.selectFrom('parent').select('name').orderBy('id');
    const streamed: string[] = [];
    for await (const row of query.stream()) {
      streamed.push(row.name);
    }
    expect(streamed).toEqual((await query.execute()).map((row) => row.name));
  });

  test('an exclusive file refuses a second opener', { timeout: 30_000 }, async () => {
    const path = join(folder, 'exclusive.sqlite');
    const dialect = openSqlite(path, { exclusive: true });
    const owner = new Kysely<Tables>({ dialect });
    await sql`create table parent (id integer primary key, name text not null)`.execute(owner);
    expect(() => openSqlite(path, { exclusive: true })).toThrow(/locked/);
    await owner.destroy();
    const next = new Kysely<Tables>({ dialect: openSqlite(path, { exclusive: true }) });
    expect(await next.selectFrom('parent').selectAll().execute()).toEqual([]);
    await next.destroy();
  });
});
