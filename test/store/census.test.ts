import { type CompiledQuery, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runningCalculationStates } from '../../src/sessions/states.ts';
import { insertCalculation } from '../../src/store/calculations.ts';
import { activeSessionsByState, takeCensus, unfinishedCalculationsByState } from '../../src/store/census.ts';
import { insertSession } from '../../src/store/sessions.ts';
import { type Database, openStore } from '../../src/store/store.ts';
import { type Databases, dialects } from './databases.ts';
import { calculation, session } from './rows.ts';

for (const { title, skip, open } of dialects)
  describe.skipIf(skip)(title, () => {
    let databases: Databases;
    let database: Database;
    beforeAll(async () => {
      databases = await open();
      database = await openStore(await databases.newUrl());
    });
    afterAll(async () => {
      await database?.destroy();
      await databases?.remove();
    });

    it('counts what has not ended, and nothing else', async () => {
      const idle = session({ state: 'IDLE', coordinator_dpus: 2, worker_dpus: 3, memory_mebibytes: 512 });
      const busy = session({ state: 'BUSY', coordinator_dpus: 1, worker_dpus: 4, memory_mebibytes: 2 });
      const ended = session({ state: 'TERMINATED', ended_at: 5 });
      for (const row of [idle, session({ state: 'IDLE', memory_mebibytes: 1 }), busy, ended])
        await insertSession(database, row);
      await insertCalculation(database, calculation({ session_id: busy.id, state: 'RUNNING' }));
      await insertCalculation(database, calculation({ session_id: busy.id, state: 'COMPLETED' }));
      await insertCalculation(database, calculation({ session_id: ended.id, state: 'FAILED' }));
      const census = await takeCensus(database, runningCalculationStates);
      expect(census.sessions.toSorted((left, right) => left.count - right.count)).toEqual([
        { state: 'BUSY', count: 1, coordinatorDpus: 1, workerDpus: 4, memoryMebibytes: 2 },
        { state: 'IDLE', count: 2, coordinatorDpus: 3, workerDpus: 4, memoryMebibytes: 513 },
      ]);
      expect(census.calculations).toEqual([{ state: 'RUNNING', count: 1 }]);
    });
  });

/** Both hold the active ones together. */
const BY_INDEX = /SEARCH sessions USING INDEX sessions_(active|ended) /;

/** PostgreSQL's plan depends on what the tables hold; SQLite's does not. */
it('reads by indexes alone: a million that have ended cost nothing', async () => {
  const database = await openStore('sqlite::memory:');
  onTestFinished(() => database.destroy());
  const plan = async ({ sql: text }: CompiledQuery) => {
    const explained = sql<{ detail: string }>`explain query plan ${sql.raw(text.replaceAll('?', "''"))}`;
    return (await explained.execute(database)).rows.map(({ detail }) => detail).join('\n');
  };
  expect(await plan(activeSessionsByState(database).compile())).toMatch(BY_INDEX);
  const calculations = await plan(unfinishedCalculationsByState(database, runningCalculationStates).compile());
  expect(calculations).toMatch(BY_INDEX);
  expect(calculations).toMatch(/SEARCH calculations USING (COVERING )?INDEX calculations_/);
});
