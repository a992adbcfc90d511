import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidRequestException } from '../../src/errors.ts';
import { insertCalculation, listCalculations, moveCalculation } from '../../src/store/calculations.ts';
import { nextPosition } from '../../src/store/positions.ts';
import { findByRequestToken, rememberRequestToken } from '../../src/store/request-tokens.ts';
import {
  deleteEndedSessions,
  findSession,
  findSessionOfKey,
  idleSessionsPast,
  insertSession,
  listSessions,
  moveSession,
} from '../../src/store/sessions.ts';
import { type Database, openStore, StoreUnavailable } from '../../src/store/store.ts';
import type { NewCalculation, NewSession } from '../../src/store/tables.ts';
import { listTags, putTags } from '../../src/store/tags.ts';

const file = join(mkdtempSync(join(tmpdir(), 'parthenon-store-')), 'state.db');
let database: Database;

beforeAll(async () => {
  database = await openStore(`sqlite:${file}`);
});
afterAll(async () => {
  await database.destroy();
});

let made = 0;
function session(row: Partial<NewSession> = {}): NewSession & { id: string } {
  made += 1;
  return {
    id: `session-${made}`,
    position: nextPosition(),
    workgroup: 'primary',
    description: null,
    engine_version: 'PySpark engine version 3',
    engine_configuration_json: '{}',
    monitoring_configuration_json: null,
    encryption_configuration_json: null,
    notebook_version: null,
    notebook_id: null,
    execution_role: 'arn:aws:iam::123456789012:role/Analyst',
    working_directory: 's3://bucket/sessions/x/',
    idle_timeout_minutes: 1,
    coordinator_dpus: 1,
    worker_dpus: 1,
    state: 'CREATING',
    state_change_reason: null,
    started_at: 0,
    last_modified_at: 0,
    ready_at: null,
    idle_since: null,
    ended_at: null,
    busy_millis: 0,
    owner: 'server',
    lease_until: 0,
    driver_json: null,
    access_key_id: `AKIA${made}`,
    ...row,
  };
}

function calculation(row: Partial<NewCalculation> & { session_id: string }): NewCalculation & { id: string } {
  made += 1;
  return {
    id: `calculation-${made}`,
    position: nextPosition(),
    description: null,
    code: '1',
    working_directory: 's3://bucket/x/',
    state: 'CREATING',
    state_change_reason: null,
    submitted_at: 0,
    started_at: null,
    completed_at: null,
    has_result: 0,
    dpus: 2,
    ...row,
  };
}

describe('openStore', () => {
  it('refuses a second server on the same file, and says what to do', async () => {
    await expect(openStore(`sqlite:${file}`)).rejects.toThrow(StoreUnavailable);
    await expect(openStore(`sqlite:${file}`)).rejects.toThrow(/Another Parthenon server is using/);
  });

  it('refuses a URL of no database that it knows', async () => {
    await expect(openStore('mysql://x')).rejects.toThrow(StoreUnavailable);
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
  it('are newest first, and their pages stay right while rows are added', async () => {
    const rows = Array.from({ length: 7 }, () => session({ workgroup: 'paged' }));
    for (const row of rows) await insertSession(database, row);
    const first = await listSessions(database, 'paged', { states: ['CREATING'], limit: 3 });
    await insertSession(database, session({ workgroup: 'paged' }));
    const second = await listSessions(database, 'paged', { states: ['CREATING'], limit: 3, token: first.nextToken });
    const third = await listSessions(database, 'paged', { states: ['CREATING'], limit: 3, token: second.nextToken });
    const seen = [...first.rows, ...second.rows, ...third.rows].map((row) => row.id);
    expect(seen).toEqual(rows.map((row) => row.id).reverse());
    expect(third.nextToken).toBeUndefined();
  });

  it('refuse the token of another list', async () => {
    const rows = [session({ workgroup: 'left' }), session({ workgroup: 'left' })];
    for (const row of rows) await insertSession(database, row);
    const { nextToken } = await listSessions(database, 'left', { states: ['CREATING'], limit: 1 });
    const other = listSessions(database, 'right', { states: ['CREATING'], limit: 1, token: nextToken });
    await expect(other).rejects.toThrow(InvalidRequestException);
  });

  it('of calculations filter by state', async () => {
    const row = session();
    await insertSession(database, row);
    const [done, open] = [calculation({ session_id: row.id, state: 'RUNNING' }), calculation({ session_id: row.id })];
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

describe('what has ended', () => {
  it('signs nothing any more', async () => {
    const row = session();
    await insertSession(database, row);
    expect(await findSessionOfKey(database, row.access_key_id)).toEqual({
      sessionId: row.id,
      executionRole: row.execution_role,
    });
    await moveSession(database, row.id, 'FAILED', ['CREATING'], { ended_at: 1 });
    expect(await findSessionOfKey(database, row.access_key_id)).toBeUndefined();
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
