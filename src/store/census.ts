import { sql } from 'kysely';
import type { Database } from './store.ts';
import type { CalculationState, SessionState } from './tables.ts';

/** What has not ended, by state. */
export interface Census {
  readonly sessions: readonly {
    readonly state: SessionState;
    readonly count: number;
    readonly coordinatorDpus: number;
    readonly workerDpus: number;
    /** What they may come to take. */
    readonly memoryMebibytes: number;
  }[];
  readonly calculations: readonly { readonly state: CalculationState; readonly count: number }[];
}

/**
 * Counts sessions and calculations that have not ended. Both go by the indexes of what is active, and cost the same however many
 * have ended.
 *
 * @param unfinished the states of calculations that have not ended
 */
export async function takeCensus(database: Database, unfinished: readonly CalculationState[]): Promise<Census> {
  const [sessions, calculations] = await Promise.all([
    activeSessionsByState(database).execute(),
    unfinishedCalculationsByState(database, unfinished).execute(),
  ]);
  return {
    sessions: sessions.map(({ state, count, coordinator, worker, memory }) => ({
      state,
      count: Number(count),
      coordinatorDpus: Number(coordinator),
      workerDpus: Number(worker),
      memoryMebibytes: Number(memory),
    })),
    calculations: calculations.map(({ state, count }) => ({ state, count: Number(count) })),
  };
}

export function activeSessionsByState(database: Database) {
  return database
    .selectFrom('sessions')
    .select((expression) => [
      'state',
      expression.fn.countAll<number>().as('count'),
      expression.fn.sum<number>('coordinator_dpus').as('coordinator'),
      expression.fn.sum<number>('worker_dpus').as('worker'),
      expression.fn.sum<number>('memory_mebibytes').as('memory'),
    ])
    .where('ended_at', 'is', null)
    .groupBy('state');
}

/** By way of their sessions, which have not ended either: calculations have no index of the unfinished. */
export function unfinishedCalculationsByState(database: Database, unfinished: readonly CalculationState[]) {
  return database
    .selectFrom('sessions')
    .innerJoin('calculations', 'calculations.session_id', 'sessions.id')
    .select(['calculations.state', sql<number>`count(*)`.as('count')])
    .where('sessions.ended_at', 'is', null)
    .where('calculations.state', 'in', unfinished)
    .groupBy('calculations.state');
}
