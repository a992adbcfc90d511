import type { ExecutorState, ExecutorsSummary } from '@aws-sdk/client-athena';
import { type Page, pageOfList } from '../store/paging.ts';
import type { ExecutorRow, SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { executorsOf } from './executor-notes.ts';
import { getSession } from './terminate-session.ts';

/** Spark's name for it. */
const COORDINATOR = 'driver';

/** Newest first. A session that has ended shows what it had. */
export async function listExecutors(
  context: SessionsContext,
  sessionId: string,
  filter: { state?: ExecutorState | undefined; limit: number; token?: string | undefined },
): Promise<Page<ExecutorsSummary>> {
  const session = await getSession(context, sessionId);
  const workers = (await executorsOf(context, session)).map((row) => summarize(row, session));
  const all = [...coordinatorOf(session), ...workers]
    .filter((executor) => !filter.state || executor.ExecutorState === filter.state)
    .sort((left, right) => (right.StartDateTime ?? 0) - (left.StartDateTime ?? 0));
  return pageOfList(`executors/${sessionId}`, all, filter);
}

function coordinatorOf(session: SessionRow): ExecutorsSummary[] {
  if (session.ready_at === null) return [];
  const ended = session.ended_at !== null;
  const last = session.state === 'FAILED' ? 'FAILED' : 'TERMINATED';
  return [
    {
      ExecutorId: COORDINATOR,
      ExecutorType: 'COORDINATOR',
      ExecutorState: ended ? last : session.state === 'TERMINATING' ? 'TERMINATING' : 'REGISTERED',
      ExecutorSize: session.coordinator_dpus,
      StartDateTime: Number(session.ready_at),
      ...(ended && { TerminationDateTime: Number(session.ended_at) }),
    },
  ];
}

function summarize(row: ExecutorRow, session: SessionRow): ExecutorsSummary {
  const endedAt = row.ended_at ?? session.ended_at;
  return {
    ExecutorId: row.executor_id,
    ExecutorType: 'WORKER',
    ExecutorState: endedAt !== null && row.ended_at === null ? 'TERMINATED' : row.state,
    ExecutorSize: session.executor_dpus ?? 1,
    StartDateTime: Number(row.started_at),
    ...(endedAt !== null && { TerminationDateTime: Number(endedAt) }),
  };
}
