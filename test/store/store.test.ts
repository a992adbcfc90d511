import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InvalidRequestException } from '../../src/errors.ts';
import { insertCalculation, listCalculations, moveCalculation } from '../../src/store/calculations.ts';
import { findByRequestToken, rememberRequestToken } from '../../src/store/request-tokens.ts';
import {
  addBusyTime,
  countTaken,
  deleteEndedSessions,
  findSession,
  findKeyOwner,
  idleSessionsPast,
  insertSession,
  listSessions,
  moveSession,
  shiftIdleTimes,
} from '../../src/store/sessions.ts';
import { type Database, openStore } from '../../src/store/store.ts';
import { StoreUnavailable } from '../../src/store/store-unavailable.ts';
import type { SessionState } from '../../src/store/tables.ts';
import { listTags, putTags } from '../../src/store/tags.ts';
import { findWorkGroup, insertWorkGroup, listWorkGroups } from '../../src/store/workgroups.ts';
import { type Databases, dialects } from './databases.ts';
import { calculation, session } from './rows.ts';

for (const { title, skip, open } of dialects)
  describe.skipIf(skip)(title, () => {
    let databases: Databases;
    let url: string;
    let database: Database;

    beforeAll(async () => {
      databases = await open();
    });
    afterAll(async () => {
      await databases?.remove();
    });
    beforeEach(async () => {
      url = await databases.newUrl();
      database = await openStore(url);
    });
    afterEach(async () => {
      await database.destroy();
    });

    describe('openStore', () => {
      it('refuses a second server, and says what to do; takes one after the first has gone', async () => {
        const second = openStore(url);
        await expect(second).rejects.toThrow(StoreUnavailable);
        await expect(second).rejects.toThrow(/^Another Parthenon server is using/);
        await database.destroy();
        database = await openStore(url);
      });

      it('keeps what there is when it is opened again', async () => {
        const row = session({ description: 'ü\u{1F600}', position: Number.MAX_SAFE_INTEGER });
        await insertSession(database, row);
        await database.destroy();
        database = await openStore(url);
        expect(await findSession(database, row.id)).toEqual(row);
      });
    });

    describe('moves', () => {
      it('are made once, however many try at the same time', async () => {
        const row = session({ state: 'IDLE' });
        await insertSession(database, row);
        const tries = Array.from({ length: 20 }, () => moveSession(database, row.id, 'BUSY', ['IDLE'], {}));
        expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
      });

      it('are not made from another state', async () => {
        const row = session({ state: 'FAILED', ended_at: 1 });
        await insertSession(database, row);
        expect(await moveSession(database, row.id, 'IDLE', ['CREATED', 'BUSY'], {})).toBe(false);
        expect((await findSession(database, row.id))?.state).toBe('FAILED');
      });
    });

    describe('lists', () => {
      it('of names are sorted by their bytes, and page by page alike', async () => {
        const names = ['Zoo', '_under', 'a-b', 'a_b', 'ab', 'zoo', 'Äther'];
        for (const name of [...names].reverse()) {
          await insertWorkGroup(database, {
            name,
            state: 'ENABLED',
            description: null,
            configuration_json: '{}',
            created_at: 1,
          });
        }
        const seen: string[] = [];
        let token: string | undefined;
        do {
          const page = await listWorkGroups(database, { limit: 2, token });
          seen.push(...page.rows.map((row) => row.name));
          token = page.nextToken;
        } while (token !== undefined);
        expect(seen).toEqual(names);
      });

      it('are newest first, and their pages stay right while rows are added', async () => {
        const rows = Array.from({ length: 7 }, () => session({ workgroup: 'paged' }));
        for (const row of rows) await insertSession(database, row);
        const first = await listSessions(database, 'paged', { limit: 3 });
        await insertSession(database, session({ workgroup: 'paged' }));
        const second = await listSessions(database, 'paged', {
          limit: 3,
          token: first.nextToken,
        });
        const third = await listSessions(database, 'paged', {
          limit: 3,
          token: second.nextToken,
        });
        const seen = [...first.rows, ...second.rows, ...third.rows].map((row) => row.id);
        expect(seen).toEqual(rows.map((row) => row.id).reverse());
        expect(third.nextToken).toBeUndefined();
      });

      it('have what has not ended, or what is in the state that is asked for', async () => {
        const [busy, idle] = [session({ state: 'BUSY' }), session({ state: 'IDLE' })];
        const failed = session({ state: 'FAILED', ended_at: 1 });
        for (const row of [busy, failed, idle]) await insertSession(database, row);
        const idsOf = async (state?: SessionState) =>
          (await listSessions(database, 'primary', { state, limit: 10 })).rows.map((row) => row.id);
        expect(await idsOf()).toEqual([idle.id, busy.id]);
        expect(await idsOf('BUSY')).toEqual([busy.id]);
        expect(await idsOf('FAILED')).toEqual([failed.id]);
      });

      it('refuse the token of another list', async () => {
        const rows = [session({ workgroup: 'left' }), session({ workgroup: 'left' })];
        for (const row of rows) await insertSession(database, row);
        const { nextToken } = await listSessions(database, 'left', { limit: 1 });
        const other = listSessions(database, 'right', { limit: 1, token: nextToken });
        await expect(other).rejects.toThrow(InvalidRequestException);
      });

      it('of calculations filter by state', async () => {
        const row = session();
        await insertSession(database, row);
        const [done, open] = [
          calculation({ session_id: row.id, state: 'RUNNING' }),
          calculation({ session_id: row.id }),
        ];
        await insertCalculation(database, done);
        await insertCalculation(database, open);
        await moveCalculation(database, done.id, 'COMPLETED', ['RUNNING'], { completed_at: 1 });
        const completed = await listCalculations(database, row.id, { state: 'COMPLETED', limit: 10 });
        expect(completed.rows.map((found) => found.id)).toEqual([done.id]);
        expect((await listCalculations(database, row.id, { limit: 10 })).rows.map((found) => found.id)).toEqual([
          open.id,
          done.id,
        ]);
      });
    });

    describe('idle sessions', () => {
      it('are those IDLE for longer than their own timeout; a BUSY one is never idle', async () => {
        const minute = 60_000;
        const idle = session({ state: 'IDLE', idle_since: 0, idle_timeout_minutes: 1 });
        const patient = session({ state: 'IDLE', idle_since: 0, idle_timeout_minutes: 480 });
        const busy = session({ state: 'BUSY', idle_since: null, idle_timeout_minutes: 1 });
        for (const row of [idle, patient, busy]) await insertSession(database, row);
        const past = async (now: number) => (await idleSessionsPast(database, now)).map((row) => row.id);
        expect(await past(minute - 1)).not.toContain(idle.id);
        expect(await past(minute)).toContain(idle.id);
        expect(await past(minute * 479)).not.toContain(patient.id);
        expect(await past(minute * 10_000)).not.toContain(busy.id);
      });
    });

    describe('idle times, after the clock was set', () => {
      const hour = 3_600_000;
      const times = { old: 10 * hour, justBefore: 20 * hour - 10 };

      /** Idle since these times, before and after. */
      const shifted = async (by: number) => {
        const now = 20 * hour + 1_000 + by;
        const rows = {
          old: session({ state: 'IDLE', idle_since: times.old }),
          justBefore: session({ state: 'IDLE', idle_since: times.justBefore }),
          justAfter: session({ state: 'IDLE', idle_since: now - 10 }),
        };
        for (const row of Object.values(rows)) await insertSession(database, row);
        await shiftIdleTimes(database, { by, before: 20 * hour, now });
        const found = await Promise.all(Object.values(rows).map(({ id }) => findSession(database, id)));
        expect(found[2]?.idle_since).toBe(now - 10);
        return found.map((row) => row?.idle_since);
      };

      it.each([5 * hour, -5 * hour])('move with it, but for those that the new clock has written (%i)', async (by) => {
        expect((await shifted(by)).slice(0, 2)).toEqual([times.old + by, times.justBefore + by]);
      });
    });

    describe('what has ended', () => {
      it('signs nothing any more', async () => {
        const row = session();
        await insertSession(database, row);
        expect(await findKeyOwner(database, 'access_key_id', row.access_key_id)).toEqual({
          sessionId: row.id,
          executionRole: row.execution_role,
        });
        await moveSession(database, row.id, 'FAILED', ['CREATING'], { ended_at: 1 });
        expect(await findKeyOwner(database, 'access_key_id', row.access_key_id)).toBeUndefined();
      });

      it('goes with its calculations and tags when retention is over; what is active stays', async () => {
        const [old, active] = [session({ state: 'TERMINATED', ended_at: 10 }), session({ state: 'IDLE' })];
        for (const row of [old, active]) await insertSession(database, row);
        await insertCalculation(database, calculation({ session_id: old.id, state: 'COMPLETED' }));
        await putTags(database, `arn/${old.id}`, [{ key: 'a', value: 'b' }]);
        expect(await deleteEndedSessions(database, { endedBefore: 11 }, (row) => `arn/${row.id}`)).toBeGreaterThan(0);
        expect(await findSession(database, old.id)).toBeUndefined();
        expect((await listCalculations(database, old.id, { limit: 10 })).rows).toEqual([]);
        expect((await listTags(database, `arn/${old.id}`, { limit: 10 })).rows).toEqual([]);
        expect(await findSession(database, active.id)).toBeDefined();
      });
    });

    describe('rows', () => {
      it('are inserted once by name, and say so', async () => {
        const row = { state: 'ENABLED', description: null, configuration_json: '{}', created_at: Date.now() } as const;
        const inserts = Array.from({ length: 10 }, () => insertWorkGroup(database, { ...row, name: 'once' }));
        expect((await Promise.all(inserts)).filter(Boolean)).toHaveLength(1);
        expect(await findWorkGroup(database, 'once')).toEqual({ ...row, name: 'once' });
      });

      it('take a NUL character, also in place of what was there', async () => {
        const row = session({ state: 'IDLE', description: 'a\0b' });
        await insertSession(database, row);
        await moveSession(database, row.id, 'FAILED', ['IDLE'], { state_change_reason: 'ValueError: \0' });
        expect((await findSession(database, row.id))?.state_change_reason).toMatch(/^ValueError: [\0\uFFFD]$/);
        await putTags(database, 'arn', [{ key: 'k', value: 'first' }]);
        await putTags(database, 'arn', [{ key: 'k', value: '\0' }]);
        expect((await listTags(database, 'arn', { limit: 10 })).rows).toHaveLength(1);
      });

      it('count busy time together', async () => {
        const row = session({ busy_millis: 5 });
        await insertSession(database, row);
        await Promise.all([1, 10, 100].map((millis) => addBusyTime(database, row.id, millis)));
        expect((await findSession(database, row.id))?.busy_millis).toBe(116);
        expect(await countTaken(database, 'nobody')).toMatchObject({ sessions: 1 });
      });
    });

    describe('request tokens', () => {
      it('give what they started, for the same parameters in whatever order', async () => {
        await rememberRequestToken(database, 'StartSession', 'token', { a: 1, b: { c: 2, d: 3 } }, 'id');
        expect(await findByRequestToken(database, 'StartSession', 'token', { b: { d: 3, c: 2 }, a: 1 })).toMatchObject({
          resourceId: 'id',
          replyState: null,
        });
        expect(await findByRequestToken(database, 'Other', 'token', {})).toBeUndefined();
        await expect(findByRequestToken(database, 'StartSession', 'token', { a: 2 })).rejects.toThrow(
          InvalidRequestException,
        );
      });

      it('cannot start two things', async () => {
        await rememberRequestToken(database, 'StartSession', 'once', {}, 'first');
        await expect(rememberRequestToken(database, 'StartSession', 'once', {}, 'second')).rejects.toThrow();
      });
    });
  });

it('opens no database that it does not know', async () => {
  await expect(openStore('mysql://x')).rejects.toThrow(StoreUnavailable);
});
