import type { ListExecutorsRequest, ListExecutorsResponse } from '@aws-sdk/client-athena';
import { listExecutors } from '../sessions/executors.ts';
import type { OperationContext } from './context.ts';

export async function listExecutorsOperation(
  context: OperationContext,
  input: ListExecutorsRequest,
): Promise<ListExecutorsResponse> {
  const sessionId = input.SessionId as string;
  const page = await listExecutors(context.sessions, sessionId, {
    state: input.ExecutorStateFilter,
    limit: input.MaxResults ?? 100,
    token: input.NextToken,
  });
  return { SessionId: sessionId, ExecutorsSummary: [...page.rows], NextToken: page.nextToken };
}
