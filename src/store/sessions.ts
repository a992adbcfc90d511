import type { UpdateObject } from 'kysely';
import { decodeToken, type Page, toPage } from './paging.ts';
import type { Database } from './store.ts';
import type { NewSession, SessionRow, SessionState, Tables } from './tables.ts';
import { takeTurn } from './turns.ts';

/** Columns that a move may set beside the state. */
export type SessionChange = UpdateObject<Tables, 'sessions'>;

export async function insertSession(database: Database, session: NewSession): Promise<void> {
  await database.insertInto('sessions').values(session).execute();
}

export async function findSession(database: Database, id: string): Promise<SessionRow | undefined> {
  return await database.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
}

/**
 * Moves a session to `state` if it is in one of `from` now: one conditional UPDATE, which decides races between calls,
 * sweeps and servers.
 *
 * @returns whether this caller made the move
 */
export async function moveSession(
  database: Database,
  id: string,
  state: SessionState,
  from: readonly SessionState[],
  change: SessionChange,
): Promise<boolean> {
  const result = await database
    .updateTable('sessions')
    .set({ ...change, state })
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Adds to the time that calculations have run in the session. */
export async function addBusyTime(database: Database, id: string, millis: number): Promise<void> {
  await database
    .updateTable('sessions')
    .set((expression) => ({ busy_millis: expression('busy_millis', '+', millis) }))
    .where('id', '=', id)
    .execute();
}

/** What lists tell of a session: not its engine configuration, which may be megabytes for each of a hundred. */
const LISTED = [
  'id',
  'position',
  'workgroup',
  'description',
  'engine_version',
  'notebook_version',
  'state',
  'state_change_reason',
  'started_at',
  'last_modified_at',
  'ended_at',
  'idle_since',
] as const;
export type ListedSession = Pick<SessionRow, (typeof LISTED)[number]>;

/** Newest first; those that have not ended unless a state is given. */
export async function listSessions(
  database: Database,
  workGroup: string,
  filter: { state?: SessionState | undefined; limit: number; token?: string | undefined },
): Promise<Page<ListedSession>> {
  const name = `sessions/${workGroup}`;
  const before = decodeToken<number>(name, filter.token, 'number');
  const rows = await database
    .selectFrom('sessions')
    .select(LISTED)
    .where('workgroup', '=', workGroup)
    .$if(filter.state === undefined, (query) => query.where('ended_at', 'is', null))
    .$if(filter.state !== undefined, (query) => query.where('state', '=', filter.state as SessionState))
    .$if(before !== undefined, (query) => query.where('position', '<', before as number))
    .orderBy('position', 'desc')
    .limit(filter.limit + 1)
    .execute();
  return toPage(name, rows, filter.limit, (row) => row.position);
}

/** Every session that has not ended; of one workgroup if told. */
export async function activeSessions(database: Database, workGroup?: string): Promise<SessionRow[]> {
  return await database
    .selectFrom('sessions')
    .selectAll()
    .where('ended_at', 'is', null)
    .$if(workGroup !== undefined, (query) => query.where('workgroup', '=', workGroup as string))
    .execute();
}

/** What sessions take that have not ended, all together. */
export interface Taken {
  readonly sessions: number;
  /** Those that one caller has started. */
  readonly sessionsOfCaller: number;
  /** Those that have no driver yet, or one that is not a session yet. */
  readonly starting: number;
  readonly dpus: number;
  readonly memoryMebibytes: number;
}

/** @param caller a `started_by` */
export async function countTaken(database: Database, caller: string): Promise<Taken> {
  const row = await database
    .selectFrom('sessions')
    .select(({ fn, eb }) => [
      fn.countAll<number>().as('sessions'),
      fn.sum<number | null>(eb.case().when('started_by', '=', caller).then(1).else(0).end()).as('ofCaller'),
      fn
        .sum<number | null>(eb.case().when('state', 'in', ['CREATING', 'CREATED']).then(1).else(0).end())
        .as('starting'),
      fn.sum<number | null>(eb('coordinator_dpus', '+', eb.ref('worker_dpus'))).as('dpus'),
      fn.sum<number | null>('memory_mebibytes').as('memory'),
    ])
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    sessions: Number(row.sessions),
    sessionsOfCaller: Number(row.ofCaller),
    starting: Number(row.starting),
    dpus: Number(row.dpus),
    memoryMebibytes: Number(row.memory),
  };
}

/** Sessions that have a calculation under way: each has one at most. */
export async function countBusySessions(database: Database): Promise<number> {
  const row = await database
    .selectFrom('sessions')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('ended_at', 'is', null)
    .where('state', '=', 'BUSY')
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Active sessions with this notebook: at most one is meant to be. */
export async function findActiveSessionOfNotebook(
  database: Database,
  notebookId: string,
): Promise<SessionRow | undefined> {
  return await database
    .selectFrom('sessions')
    .selectAll()
    .where('notebook_id', '=', notebookId)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
}

/** Sessions that have been IDLE for longer than their own timeout. */
export async function idleSessionsPast(database: Database, now: number): Promise<SessionRow[]> {
  return await database
    .selectFrom('sessions')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('state', '=', 'IDLE')
    .where((expression) =>
      expression(expression('idle_since', '+', expression('idle_timeout_minutes', '*', 60_000)), '<=', now),
    )
    .execute();
}

/**
 * Moves the times since when sessions are IDLE, after the clock was set. Those that were written by the new clock already stay.
 * @param jump milliseconds; the last time that was read of the old clock, and the first of the new one
 */
export async function shiftIdleTimes(
  database: Database,
  jump: { readonly by: number; readonly before: number; readonly now: number },
): Promise<void> {
  await database
    .updateTable('sessions')
    .set((expression) => ({ idle_since: expression('idle_since', '+', jump.by) }))
    .where('state', '=', 'IDLE')
    .$if(jump.by > 0, (query) => query.where('idle_since', '<', jump.before + jump.by / 2))
    // What lies within the last moments of the new clock may be of either: it stays, and the session lives a little longer.
    .$if(jump.by < 0, (query) =>
      query.where((expression) =>
        expression.or([expression('idle_since', '<', jump.before + jump.by), expression('idle_since', '>', jump.now)]),
      ),
    )
    .execute();
}

/** Puts off the end of sessions that are IDLE as rows say, but in use. */
export async function touchIdleSessions(database: Database, ids: readonly string[], now: number): Promise<void> {
  await database
    .updateTable('sessions')
    .set({ idle_since: now })
    .where('id', 'in', ids)
    .where('state', '=', 'IDLE')
    .execute();
}

export async function renewLeases(database: Database, owner: string, until: number): Promise<void> {
  await database
    .updateTable('sessions')
    .set({ lease_until: until })
    .where('owner', '=', owner)
    .where('ended_at', 'is', null)
    .execute();
}

/** Makes a session another server's. */
export async function takeOver(database: Database, id: string, owner: string, until: number): Promise<void> {
  await database.updateTable('sessions').set({ owner, lease_until: until }).where('id', '=', id).execute();
}

export async function workGroupHasSessions(database: Database, workGroup: string): Promise<boolean> {
  const row = await database
    .selectFrom('sessions')
    .select('id')
    .where('workgroup', '=', workGroup)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Removes ended sessions (their calculations go with them) and the tags of their ARNs. */
export async function deleteEndedSessions(
  database: Database,
  which: { workGroup: string } | { endedBefore: number },
  arnOf: (session: Pick<SessionRow, 'id' | 'workgroup'>) => string,
): Promise<number> {
  return await database.transaction().execute(async (transaction) => {
    // Two that delete the same rows in different orders would wait for each other.
    await takeTurn(transaction, 'deleteEndedSessions');
    const ended = await transaction
      .selectFrom('sessions')
      .select(['id', 'workgroup'])
      .where('ended_at', 'is not', null)
      .$if('workGroup' in which, (query) => query.where('workgroup', '=', (which as { workGroup: string }).workGroup))
      .$if('endedBefore' in which, (query) =>
        query.where('ended_at', '<', (which as { endedBefore: number }).endedBefore),
      )
      .limit(500)
      .execute();
    if (ended.length === 0) return 0;
    await transaction.deleteFrom('tags').where('resource_arn', 'in', ended.map(arnOf)).execute();
    const ids = ended.map((session) => session.id);
    await transaction.deleteFrom('sessions').where('id', 'in', ids).execute();
    return ended.length;
  });
}

/** The active session of this id, or that a key was made for; none once it has ended, and so its keys are worth nothing. */
export async function findKeyOwner(
  database: Database,
  column: 'id' | 'access_key_id',
  value: string,
): Promise<{ sessionId: string; executionRole: string } | undefined> {
  const row = await database
    .selectFrom('sessions')
    .select(['id', 'execution_role'])
    .where(column, '=', value)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return row && { sessionId: row.id, executionRole: row.execution_role };
}
