import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceUnavailableException } from '../errors.ts';
import { countCalculations } from '../store/calculations.ts';
import type { SessionsContext } from './context.ts';
import { untilRecorded } from './recorded.ts';
import { runningCalculationStates } from './states.ts';

const LOOK_MILLIS = 200;

/** @throws ServiceUnavailableException, which clients repeat by themselves, while the server is being stopped */
export function checkNotDraining({ draining }: SessionsContext): void {
  if (draining.signal.aborted) {
    throw new ServiceUnavailableException(
      'The server is being stopped: it takes no new sessions and calculations. Repeat the call when it is back.',
    );
  }
}

/**
 * Waits until no calculation runs any more; while that is waited for none begins.
 * @returns how many run still when the time is over, or the signal has ended the wait
 */
export async function drainCalculations(
  context: SessionsContext,
  timeoutMillis: number,
  signal: AbortSignal,
): Promise<number> {
  context.draining.abort();
  const deadline = Date.now() + timeoutMillis;
  for (;;) {
    const left = await untilRecorded(context, () => countCalculations(context.database, runningCalculationStates));
    if (left === 0 || Date.now() >= deadline || signal.aborted) return left;
    await sleep(LOOK_MILLIS);
  }
}
