import type { GetSessionStatusRequest, GetSessionStatusResponse } from '@aws-sdk/client-athena';
import { describeSessionStatus } from '../sessions/describe.ts';
import { settledSession } from '../sessions/settled.ts';
import type { OperationContext } from './context.ts';

export async function getSessionStatusOperation(
  context: OperationContext,
  input: GetSessionStatusRequest,
): Promise<GetSessionStatusResponse> {
  const session = await settledSession(context.sessions, input.SessionId as string);
  return { SessionId: session.id, Status: describeSessionStatus(session) };
}
