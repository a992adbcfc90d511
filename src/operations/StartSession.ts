import type { StartSessionRequest, StartSessionResponse } from '@aws-sdk/client-athena';
import { startSession } from '../sessions/start-session.ts';
import type { OperationContext } from './context.ts';
import type { CallContext } from './operation.ts';

export async function startSessionOperation(
  context: OperationContext,
  input: StartSessionRequest,
  { principal }: CallContext,
): Promise<StartSessionResponse> {
  const { sessionId, state } = await startSession(context.sessions, input, principal);
  return { SessionId: sessionId, State: state };
}
