/** With which rights logs are written: where a caller has named the place, with those of the session's execution role, as on AWS. */
import { decide, notAuthorizedMessage } from '../access/authorize.ts';
import { requestContext } from '../access/request-context.ts';
import { SessionStartFailed } from '../drivers/driver.ts';
import { createExternalObjectStore } from '../objects/external.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { SessionsContext } from './context.ts';
import { parseS3Uri } from './locations.ts';
import { type LoggedSession, type LogTarget, logTargets } from './log-targets.ts';
import { sessionCredentials } from './session-keys.ts';

const ACTION = 's3:PutObject';

/** The role may not write there. */
class LogLocationDenied extends Error {
  override readonly name = 'LogLocationDenied';
}

/** @throws LogLocationDenied, and what STS refused the role with */
export async function storeOf(
  context: SessionsContext,
  session: LoggedSession,
  target: LogTarget,
): Promise<ObjectStore> {
  if (!target.named) return context.objects;
  const { s3Roles, s3Credentials, s3, sessionKeySeconds } = context.settings;
  if (s3Roles !== undefined) {
    const { roleStores } = context.logTraffic;
    const known = roleStores.get(session.id);
    if (known !== undefined && known.until > Date.now()) return known.store;
    const credentials = await sessionCredentials(context, session);
    const store = createExternalObjectStore({ ...s3, endpoint: s3.endpoint(), credentials });
    await known?.store.close();
    roleStores.set(session.id, { store, until: Date.now() + sessionKeySeconds * 500 });
    return store;
  }
  // Sessions share the server's own key, where there is one.
  if (s3Credentials === undefined) checkRole(context, session, target);
  return context.objects;
}

/** Whether the place that a session's logs were asked for at is there. @throws SessionStartFailed */
export async function checkLogLocation(context: SessionsContext, session: LoggedSession): Promise<void> {
  for (const target of logTargets(session, context.settings).filter(({ named }) => named)) {
    try {
      await storeOf(context, session, target);
      const { bucket } = parseS3Uri(target.directory);
      if (!(await context.objects.bucketExists(bucket))) throw new Error(`there is no bucket ${bucket}`);
    } catch (error) {
      throw new SessionStartFailed(`Logs cannot be written to ${target.directory}: ${(error as Error).message}`);
    }
  }
}

/** In the embedded store the server may write everything. @throws LogLocationDenied */
function checkRole({ keys, realm }: SessionsContext, session: LoggedSession, { directory }: LogTarget): void {
  const principal = keys.sessionPrincipal({ sessionId: session.id, executionRole: session.execution_role });
  const { bucket, key } = parseS3Uri(directory);
  const resource = `arn:aws:s3:::${bucket}/${key}driver/stdout.log`;
  const context = requestContext(principal, undefined, realm.region);
  const decision = decide(principal, { action: ACTION, resource, context });
  if (decision !== 'allowed') throw new LogLocationDenied(notAuthorizedMessage(principal, ACTION, resource, decision));
}
