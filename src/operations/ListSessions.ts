import type { ListSessionsRequest, ListSessionsResponse } from '@aws-sdk/client-athena';
import { summarizeSession } from '../sessions/describe.ts';
import { listSessions } from '../store/sessions.ts';
import type { OperationContext } from './context.ts';

export async function listSessionsOperation(
  context: OperationContext,
  input: ListSessionsRequest,
): Promise<ListSessionsResponse> {
  const workGroup = await context.workGroups.get(input.WorkGroup as string);
  const page = await listSessions(context.sessions.database, workGroup.name, {
    state: input.StateFilter,
    limit: input.MaxResults ?? 100,
    token: input.NextToken,
  });
  return { Sessions: page.rows.map(summarizeSession), NextToken: page.nextToken };
}
