/** The keys by which a session's code reaches S3: its role's, temporary, and renewed while the session lives. */
import { defaultExecutionRole } from '../access/arns.ts';
import { type SessionCredentials, SessionStartFailed } from '../drivers/driver.ts';
import { findSession } from '../store/sessions.ts';
import type { SessionRow } from '../store/tables.ts';
import { inBackground, type SessionsContext } from './context.ts';

/** After a renewal that failed: S3's STS is away, say. */
const RETRY_MILLIS = 5_000;

/**
 * New keys for a session: of its own, which the embedded store asks the policies of its role about; of its role, where the user's own S3
 * has an STS; else the one key that all sessions share there.
 *
 * @throws what STS refused the role with
 */
export async function sessionCredentials(
  context: SessionsContext,
  { id, execution_role: role }: Pick<SessionRow, 'id' | 'execution_role'>,
): Promise<SessionCredentials> {
  const { settings, keys, realm } = context;
  const { sessionKeySeconds, s3Roles, s3DefaultRole } = settings;
  if (s3Roles === undefined) return settings.s3Credentials ?? keys.issueSessionKey(id, sessionKeySeconds);
  const assumed = role === defaultExecutionRole(realm) ? (s3DefaultRole ?? role) : role;
  return await s3Roles.assume(assumed, id, sessionKeySeconds);
}

/** The keys that a session starts with. @throws SessionStartFailed when its role cannot be assumed */
export async function firstCredentials(
  context: SessionsContext,
  session: Pick<SessionRow, 'id' | 'execution_role'>,
): Promise<SessionCredentials> {
  try {
    return await sessionCredentials(context, session);
  } catch (error) {
    throw new SessionStartFailed(
      `The execution role ${session.execution_role} cannot be assumed: ${(error as Error).message}`,
    );
  }
}

/** Notes when a session's keys are to be renewed: at half of their time, so that some can fail. Keys without an end are not. */
export function noteCredentials(context: SessionsContext, sessionId: string, { expiresAt }: SessionCredentials): void {
  if (expiresAt === undefined) {
    context.keyRenewals.delete(sessionId);
    return;
  }
  const left = Math.min(expiresAt.getTime() - Date.now(), context.settings.sessionKeySeconds * 1000);
  context.keyRenewals.set(sessionId, Date.now() + left / 2);
}

/** Renews, in the background, the keys of sessions whose time it is. */
export function renewSessionKeys(context: SessionsContext, now: number): void {
  for (const [sessionId, renewAt] of context.keyRenewals) {
    if (renewAt > now) continue;
    context.keyRenewals.set(sessionId, now + RETRY_MILLIS);
    void inBackground(context, `Renewal of the keys of session ${sessionId}`, () => renew(context, sessionId));
  }
}

async function renew(context: SessionsContext, sessionId: string): Promise<void> {
  const driver = context.live.get(sessionId);
  const session = await findSession(context.database, sessionId);
  if (driver === undefined || session === undefined || session.ended_at !== null) {
    context.keyRenewals.delete(sessionId);
    return;
  }
  const credentials = await sessionCredentials(context, session);
  if (await driver.renewCredentials(credentials)) noteCredentials(context, sessionId, credentials);
  else context.logger.warn({ sessionId }, 'A driver did not take its new keys; it is asked again');
}
