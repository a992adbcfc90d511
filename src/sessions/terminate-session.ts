import { setTimeout as sleep } from 'node:timers/promises';
import { ResourceNotFoundException } from '../errors.ts';
import { spanned } from '../spans.ts';
import { calculationsIn } from '../store/calculations.ts';
import { findSession, moveSession } from '../store/sessions.ts';
import type { SessionRow, SessionState } from '../store/tables.ts';
import { stopCalculation } from './calculations.ts';
import { inBackground, type SessionsContext } from './context.ts';
import { noteExecutors } from './executor-notes.ts';
import { finishTermination, TERMINATED_PER_REQUEST } from './ending.ts';
import { followUp, untilRecorded } from './recorded.ts';
import { runningCalculationStates, stoppableSessionStates } from './states.ts';

/** How long a running calculation gets to leave its output before its driver is ended. */
const LAST_OUTPUT_MILLIS = 3_000;

/** @throws ResourceNotFoundException */
export async function getSession(context: SessionsContext, sessionId: string): Promise<SessionRow> {
  const row = await findSession(context.database, sessionId);
  if (row === undefined) throw new ResourceNotFoundException(`Session ${sessionId} is not found.`, sessionId);
  return row;
}

/**
 * Ends a session, and what runs in it. On one that is inactive, or ending already, it succeeds and does nothing.
 * @returns the state after the call
 */
export async function terminateSession(
  context: SessionsContext,
  sessionId: string,
  reason = TERMINATED_PER_REQUEST,
): Promise<SessionState> {
  await getSession(context, sessionId);
  const moved = await beginTermination(context, sessionId, reason, stoppableSessionStates);
  return moved ? 'TERMINATING' : (await getSession(context, sessionId)).state;
}

/** @returns whether the session was in one of `from` and is now TERMINATING, its end under way */
export async function beginTermination(
  context: SessionsContext,
  sessionId: string,
  reason: string,
  from: readonly SessionState[],
): Promise<boolean> {
  const change = { state_change_reason: reason, last_modified_at: Date.now(), idle_since: null };
  const name = `Termination of session ${sessionId}`;
  const end = () =>
    spanned('session.end', { 'parthenon.session.id': sessionId }, () =>
      untilRecorded(context, () => endDriver(context, sessionId)),
    );
  const isWritten = async () => (await findSession(context.database, sessionId))?.state === 'TERMINATING';
  const moved = await moveSession(context.database, sessionId, 'TERMINATING', from, change).catch((error: unknown) =>
    followUp(context, name, error, isWritten, end),
  );
  context.changes.tell(sessionId);
  if (moved) inBackground(context, name, end);
  return moved;
}

/** Ends the driver of a TERMINATING session, then the session. One whose driver is still being made is ended by its launch. */
export async function endDriver(context: SessionsContext, sessionId: string): Promise<void> {
  await context.recovered;
  const driver = context.live.get(sessionId);
  const row = await findSession(context.database, sessionId);
  if (row?.state !== 'TERMINATING') return;
  if (driver !== undefined) {
    const running = await calculationsIn(context.database, sessionId, runningCalculationStates);
    await Promise.all(running.map((calculation) => stopCalculation(context, calculation.id)));
    if (running.length > 0) await waitForOutput(context, sessionId);
    if (row.executor_dpus !== null) await noteExecutors(context, sessionId);
    await driver.stop();
    context.live.delete(sessionId);
  } else if (row.driver_json !== null) {
    await context.drivers.reap(JSON.parse(row.driver_json), sessionId);
  } else if (row.owner === context.serverId) {
    return;
  }
  await finishTermination(context, sessionId);
}

async function waitForOutput(context: SessionsContext, sessionId: string): Promise<void> {
  const deadline = performance.now() + LAST_OUTPUT_MILLIS;
  while (performance.now() < deadline) {
    if ((await calculationsIn(context.database, sessionId, runningCalculationStates)).length === 0) return;
    await sleep(50);
  }
}
