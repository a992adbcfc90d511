import { calculationEnded, sessionEnded } from '../happenings.ts';
import { calculationsIn, moveCalculation } from '../store/calculations.ts';
import { endExecutors } from '../store/executors.ts';
import { addBusyTime, findSession, moveSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import type { SessionState } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { ranMillis } from './dpus.ts';
import { untilRecorded } from './recorded.ts';
import { calculationStatesBefore, runningCalculationStates, sessionStatesBefore } from './states.ts';

/** AWS's sentence after a stop or an idle timeout. */
export const TERMINATED_PER_REQUEST = 'Session was terminated per request';

export const CANCELED_PER_REQUEST = 'Calculation was canceled per request';
export const CANCELED_WITH_SESSION = 'Calculation was canceled because the session was terminated';

/** The longest StateChangeReason of the model. */
const LONGEST_REASON = 1024;

/** A reason that fits: its beginning says what happened, its end is the end of a log. */
export function fitReason(reason: string): string {
  const text = reason.trim();
  if (text.length <= LONGEST_REASON) return text;
  const beginning = text.slice(0, 400);
  return `${beginning}\n…\n${text.slice(-(LONGEST_REASON - beginning.length - 3))}`;
}

/**
 * Marks a session FAILED, if it has not ended, and its unfinished calculations with it.
 * @returns whether this caller did it
 */
export async function failSession(context: SessionsContext, sessionId: string, reason: string): Promise<boolean> {
  return await endSession(context, sessionId, 'FAILED', sessionStatesBefore('FAILED'), fitReason(reason));
}

/** Marks a TERMINATING session TERMINATED; its driver has gone. */
export async function finishTermination(context: SessionsContext, sessionId: string): Promise<boolean> {
  return await endSession(context, sessionId, 'TERMINATED', ['TERMINATING']);
}

async function endSession(
  context: SessionsContext,
  sessionId: string,
  state: 'TERMINATED' | 'FAILED',
  from: readonly SessionState[],
  reason?: string,
): Promise<boolean> {
  const now = Date.now();
  const calculations = new Map<string, number | null>();
  const end = async (transaction: Database, again: boolean) => {
    const moved = await moveSession(transaction, sessionId, state, from, {
      ...(reason !== undefined && { state_change_reason: reason }),
      last_modified_at: now,
      ended_at: now,
      idle_since: null,
      driver_json: null,
    });
    if (!moved) return again && (await findSession(transaction, sessionId))?.ended_at === now;
    for (const calculation of await calculationsIn(transaction, sessionId, runningCalculationStates)) {
      calculations.set(calculation.id, calculation.started_at);
      if (calculation.started_at !== null)
        await addBusyTime(transaction, sessionId, ranMillis(Number(calculation.started_at), now));
      const canceled = state === 'TERMINATED';
      const last = canceled ? 'CANCELED' : 'FAILED';
      await moveCalculation(transaction, calculation.id, last, calculationStatesBefore(last), {
        completed_at: now,
        state_change_reason: canceled ? CANCELED_WITH_SESSION : (reason ?? null),
      });
    }
    await endExecutors(transaction, sessionId, now);
    return true;
  };
  const ended = await untilRecorded(context, (again) =>
    context.database.transaction().execute((transaction) => end(transaction, again)),
  );
  for (const id of [sessionId, ...calculations.keys()]) context.changes.tell(id);
  if (ended) sessionEnded.tell({ state });
  for (const startedAt of calculations.values()) {
    const ranSeconds = startedAt === null ? undefined : (now - startedAt) / 1000;
    calculationEnded.tell({ state: state === 'TERMINATED' ? 'CANCELED' : 'FAILED', ranSeconds });
  }
  return ended;
}
