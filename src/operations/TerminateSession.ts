import type { TerminateSessionRequest, TerminateSessionResponse } from '@aws-sdk/client-athena';
import { terminateSession } from '../sessions/terminate-session.ts';
import type { OperationContext } from './context.ts';

export async function terminateSessionOperation(
  context: OperationContext,
  input: TerminateSessionRequest,
): Promise<TerminateSessionResponse> {
  return { State: await terminateSession(context.sessions, input.SessionId as string) };
}
