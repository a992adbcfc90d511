import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Commits } from '../../../src/objects/embedded/commits.ts';
import { migrate, type ObjectTables } from '../../../src/objects/embedded/schema.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';

describe('Commits', () => {
  let folder: string;
  let db: Kysely<ObjectTables>;
  let commits: Commits;
  let begun: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parthenon-commits-'));
    begun = 0;
    db = new Kysely<ObjectTables>({
      dialect: openSqlite(join(folder, 'index.sqlite')),
      log: ({ query }) => {
        if (query.sql === 'savepoint "job"') begun++;
      },
    });
    await migrate(db);
    commits = new Commits(db);
  });

  afterEach(async () => {
    await db.destroy();
    rmSync(folder, { recursive: true });
  });

  const create = (name: string, failure?: Error): Promise<string> =>
    commits.run(async (write) => {
      await write.insertInto('bucket').values({ name, created_at: 0 }).execute();
      if (failure) throw failure;
      return name;
    });

  async function buckets(): Promise<string[]> {
    return (await db.selectFrom('bucket').select('name').orderBy('name').execute()).map((row) => row.name);
  }

  test('work that fails is undone, and the work beside it is not', async () => {
    const failure = new Error('no');
    const outcomes = await Promise.allSettled([create('a'), create('b', failure), create('c'), create('a')]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(outcomes[1]).toMatchObject({ reason: failure });
    expect(await buckets()).toEqual(['a', 'c']);
    expect(begun).toBe(4);
  });

  test('work is taken up again after a batch that failed as a whole', async () => {
    const ended = commits.run(async (write) => {
      // The transaction ends under the batch, as a full disk ends it.
      await write
        .getExecutor()
        .executeQuery({ ...write.selectFrom('bucket').select('name').compile(), sql: 'rollback' });
      throw new Error('the disk is full');
    });
    const beside = create('beside');
    await expect(ended).rejects.toThrow('the disk is full');
    await expect(beside).rejects.toThrow('the disk is full');
    expect(await create('later')).toBe('later');
    expect(await buckets()).toEqual(['later']);
  });
});
