/** What keeps rows true while the state database is away: PostgreSQL restarted or out of reach, a full disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isStoreAway } from '../store/store.ts';
import { findSession, moveSession, type SessionChange } from '../store/sessions.ts';
import type { SessionState } from '../store/tables.ts';
import { inBackground, type SessionsContext } from './context.ts';

const RETRY_MILLIS = 500;

/**
 * Repeats what background work reads or writes until the database takes it: what has happened to a driver must not go
 * unrecorded.
 *
 * @param work a query or one transaction; `again` says that an earlier try may have been written, its answer lost
 */
export async function untilRecorded<T>(context: SessionsContext, work: (again: boolean) => Promise<T>): Promise<T> {
  for (let again = false; ; again = true) {
    try {
      return await work(again);
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      if (!again) context.logger.warn({ err: error }, 'Background work waits for the state database');
      await sleep(RETRY_MILLIS);
    }
  }
}

/** `moveSession` by background work. A move that was made before its answer was lost is one that this caller made. */
export async function recordMove(
  context: SessionsContext,
  sessionId: string,
  state: SessionState,
  from: readonly SessionState[],
  change: SessionChange,
): Promise<boolean> {
  const { database } = context;
  return await untilRecorded(context, async (again) => {
    if (await moveSession(database, sessionId, state, from, change)) return true;
    const now = again ? (await findSession(database, sessionId))?.state : undefined;
    // Whoever saw it IDLE may have sent it a calculation.
    return now === state || (state === 'IDLE' && now === 'BUSY');
  });
}

/**
 * For the error of a write that a call has made, and that background work was to follow: the call fails, but what was
 * written, its answer lost, is followed up once the database is back.
 *
 * @throws the error
 */
export function followUp(
  context: SessionsContext,
  name: string,
  error: unknown,
  isWritten: () => Promise<boolean>,
  work: () => Promise<void>,
): never {
  if (isStoreAway(error)) {
    inBackground(context, name, async () => {
      if (await untilRecorded(context, isWritten)) await work();
    });
  }
  throw error;
}
