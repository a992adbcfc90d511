import type { ExecutorState, ExecutorsSummary } from '@aws-sdk/client-athena';
import { type Page, pageOfList } from '../store/paging.ts';
import type { SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { getSession } from './terminate-session.ts';

/** Newest first. A session that has ended shows its coordinator, TERMINATED. */
export async function listExecutors(
  context: SessionsContext,
  sessionId: string,
  filter: { state?: ExecutorState | undefined; limit: number; token?: string | undefined },
): Promise<Page<ExecutorsSummary>> {
  const session = await getSession(context, sessionId);
  const all = (await executorsOf(context, session)).filter(
    (executor) => !filter.state || executor.ExecutorState === filter.state,
  );
  return pageOfList(`executors/${sessionId}`, all, filter);
}

async function executorsOf(context: SessionsContext, session: SessionRow): Promise<ExecutorsSummary[]> {
  const driver = context.live.get(session.id);
  if (driver === undefined) return session.ready_at === null ? [] : [endedCoordinator(session)];
  const executors = await driver.executors();
  return executors
    .map((executor) => ({
      ExecutorId: executor.executorId,
      ExecutorType: executor.type,
      ExecutorState: executor.state,
      ExecutorSize: 1,
      StartDateTime: executor.startedAt.getTime(),
      ...(executor.endedAt && { TerminationDateTime: executor.endedAt.getTime() }),
    }))
    .sort((left, right) => right.StartDateTime - left.StartDateTime);
}

function endedCoordinator(session: SessionRow): ExecutorsSummary {
  return {
    ExecutorId: session.id,
    ExecutorType: 'COORDINATOR',
    ExecutorState: session.state === 'FAILED' ? 'FAILED' : 'TERMINATED',
    ExecutorSize: session.coordinator_dpus,
    StartDateTime: Number(session.ready_at),
    ...(session.ended_at !== null && { TerminationDateTime: Number(session.ended_at) }),
  };
}
