import type { GetSessionRequest, GetSessionResponse } from '@aws-sdk/client-athena';
import { describeSession } from '../sessions/describe.ts';
import { getSession } from '../sessions/terminate-session.ts';
import type { OperationContext } from './context.ts';

export async function getSessionOperation(
  context: OperationContext,
  input: GetSessionRequest,
): Promise<GetSessionResponse> {
  return await describeSession(context.sessions, await getSession(context.sessions, input.SessionId as string));
}
