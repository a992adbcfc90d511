import type { ExecutorInfo } from '../drivers/driver.ts';
import { executorsIn, keepExecutors } from '../store/executors.ts';
import type { ExecutorRow, SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';

/** A driver that does not say in this time which executors it has is not worth a slow reply. */
const ANSWER_MILLIS = 250;

/** Of one session: what a driver says is not to fill the state database. */
const MOST_KEPT = 10_000;

/** Executors that a session has, or has had, on a cluster. With a local master there are none: its workers are threads of the driver. */
export async function executorsOf(context: SessionsContext, session: SessionRow): Promise<ExecutorRow[]> {
  if (session.executor_dpus === null) return [];
  await noteExecutors(context, session.id);
  return await executorsIn(context.database, session.id);
}

/** Writes down which executors the session's driver says that it has; what does not answer in time is asked another time. */
export async function noteExecutors(context: SessionsContext, sessionId: string): Promise<void> {
  const driver = context.live.get(sessionId);
  if (driver === undefined) return;
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, ANSWER_MILLIS, undefined).unref());
  const said = await Promise.race([driver.executors().catch(() => undefined), late]);
  const now = new Map(said?.filter(({ type }) => type === 'WORKER').map((each) => rowOf(sessionId, each)));
  if (now.size === 0) return;
  const kept = new Map((await executorsIn(context.database, sessionId)).map((row) => [keyOf(row), row]));
  const changed = [...now].filter(([key, row]) => isNews(row, kept.get(key))).map(([, row]) => row);
  const room = Math.max(0, MOST_KEPT - kept.size);
  const added = changed.filter((row) => !kept.has(keyOf(row))).slice(0, room);
  await keepExecutors(context.database, [...changed.filter((row) => kept.has(keyOf(row))), ...added]);
}

/** Notes the executors of all sessions that run on a cluster. */
export async function noteAllExecutors(context: SessionsContext): Promise<void> {
  if (context.settings.sparkMaster === 'local') return;
  await Promise.all([...context.live.keys()].map((sessionId) => noteExecutors(context, sessionId)));
}

function rowOf(sessionId: string, { executorId, startedAt, endedAt, state }: ExecutorInfo): [string, ExecutorRow] {
  const row = {
    session_id: sessionId,
    executor_id: executorId.toWellFormed(),
    started_at: startedAt.getTime(),
    ended_at: endedAt?.getTime() ?? null,
    state,
  };
  return [keyOf(row), row];
}

function keyOf({ executor_id, started_at }: ExecutorRow): string {
  return `${executor_id}/${started_at}`;
}

function isNews(row: ExecutorRow, kept: ExecutorRow | undefined): boolean {
  return kept === undefined || (kept.ended_at === null && (row.ended_at !== null || row.state !== kept.state));
}
