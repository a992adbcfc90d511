import type { GetSessionRequest, GetSessionResponse } from '@aws-sdk/client-athena';
import { describeSession } from '../sessions/describe.ts';
import { settledSession } from '../sessions/settled.ts';
import type { OperationContext } from './context.ts';

export async function getSessionOperation(
  context: OperationContext,
  input: GetSessionRequest,
): Promise<GetSessionResponse> {
  return await describeSession(context.sessions, await settledSession(context.sessions, input.SessionId as string));
}
