import type { StartSessionRequest, StartSessionResponse } from '@aws-sdk/client-athena';
import { startSession } from '../sessions/start-session.ts';
import type { OperationContext } from './context.ts';

export async function startSessionOperation(
  context: OperationContext,
  input: StartSessionRequest,
): Promise<StartSessionResponse> {
  const { sessionId, state } = await startSession(context.sessions, input);
  return { SessionId: sessionId, State: state };
}
