import type { Database } from './store.ts';
import type { ExecutorRow } from './tables.ts';

/** Executors that a session has had on a cluster, in no order. */
export async function executorsIn(database: Database, sessionId: string): Promise<ExecutorRow[]> {
  return await database.selectFrom('executors').selectAll().where('session_id', '=', sessionId).execute();
}

/** Writes down executors as they are now. What has ended stays as it is. */
export async function keepExecutors(database: Database, executors: readonly ExecutorRow[]): Promise<void> {
  if (executors.length === 0) return;
  await database
    .insertInto('executors')
    .values(executors)
    .onConflict((conflict) =>
      conflict
        .columns(['session_id', 'executor_id', 'started_at'])
        .doUpdateSet((expression) => ({
          state: expression.ref('excluded.state'),
          ended_at: expression.ref('excluded.ended_at'),
        }))
        .where('executors.ended_at', 'is', null),
    )
    .execute();
}

/** Ends a session's executors with it. */
export async function endExecutors(database: Database, sessionId: string, endedAt: number): Promise<void> {
  await database
    .updateTable('executors')
    .set({ state: 'TERMINATED', ended_at: endedAt })
    .where('session_id', '=', sessionId)
    .where('ended_at', 'is', null)
    .execute();
}
