import { parseAthenaArn } from '../../access/arns.ts';
import { InvalidRequestException, ResourceNotFoundException } from '../../errors.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { getSession } from '../../sessions/terminate-session.ts';
import type { SessionTokens } from '../session-tokens.ts';
import { prefixOf } from './target.ts';

/** What the functions here share. */
export interface DashboardContext {
  readonly sessions: SessionsContext;
  readonly tokens: SessionTokens;
  /** `https://host:port`, where the server listens. */
  readonly endpoint: () => string;
  /** The same as browsers reach it, where that is a setting. */
  readonly publicEndpoint: string | undefined;
}

/**
 * A URL that shows the Spark UI of a session to whoever has it, live or after its end, until its token ends.
 * @param resourceArn of a session
 * @throws InvalidRequestException, ResourceNotFoundException
 */
export async function getResourceDashboard(context: DashboardContext, resourceArn: string): Promise<string> {
  const { sessions, tokens } = context;
  const resource = parseAthenaArn(sessions.realm, resourceArn);
  if (resource.type !== 'session') {
    throw new InvalidRequestException(`ResourceARN must be the ARN of a session: ${resourceArn}`);
  }
  const { sessionId, workGroup } = resource;
  const row = await getSession(sessions, sessionId);
  // Who may see the sessions of one workgroup has asked as if it lay there.
  if (row.workgroup !== workGroup) {
    throw new ResourceNotFoundException(`Session ${sessionId} is not found.`, sessionId);
  }
  const endpoint = (context.publicEndpoint ?? context.endpoint()).replace(/\/$/, '');
  return `${endpoint}${prefixOf(sessionId)}/?token=${tokens.issue(sessionId).token}`;
}
