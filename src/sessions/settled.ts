import type { CalculationRow, SessionRow } from '../store/tables.ts';
import { getCalculation } from './calculations.ts';
import type { SessionsContext } from './context.ts';
import { calculationStates, sessionStates } from './states.ts';
import { getSession } from './terminate-session.ts';

/**
 * The session, if need be after a wait for it to settle.
 * @param longestMillis shorter than the server's `statusWaitMillis`, where told
 * @throws ResourceNotFoundException
 */
export async function settledSession(
  context: SessionsContext,
  sessionId: string,
  longestMillis?: number,
): Promise<SessionRow> {
  return await context.changes.whenSettled(
    sessionId,
    () => getSession(context, sessionId),
    ({ state }) => sessionStates[state].settled,
    longestMillis,
  );
}

/** The calculation, if need be after a wait for its end. @throws ResourceNotFoundException */
export async function settledCalculation(context: SessionsContext, calculationId: string): Promise<CalculationRow> {
  return await context.changes.whenSettled(
    calculationId,
    () => getCalculation(context, calculationId),
    ({ state }) => calculationStates[state].ended,
  );
}
