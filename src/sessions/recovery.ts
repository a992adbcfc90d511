import { setTimeout as sleep } from 'node:timers/promises';
import type { DriverIdentity } from '../drivers/driver.ts';
import { activeSessions } from '../store/sessions.ts';
import type { SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { failSession, finishTermination } from './ending.ts';
import { stoppableSessionStates } from './states.ts';
import { beginTermination, endDriver } from './terminate-session.ts';

/**
 * Closes what an earlier server left: its sessions' drivers are ended (only if they are still those very processes), and each
 * session gets a true end state. Called once, before calls are served; the store is this server's alone.
 */
export async function closeLeftSessions(context: SessionsContext): Promise<void> {
  for (const session of await activeSessions(context.database)) {
    const identity = identityOf(session);
    if (identity !== undefined) await context.drivers.reap(identity);
    if (session.state === 'TERMINATING') await finishTermination(context, session.id);
    else
      await failSession(
        context,
        session.id,
        'The server stopped while the session was active; its driver has been ended.',
      );
  }
  await context.drivers.sweepOrphans([]);
}

/**
 * An orderly stop: every session is terminated, and its driver and folder are gone when this resolves; what has not ended in
 * time is left to the next start.
 */
export async function terminateAllSessions(context: SessionsContext, deadlineMillis: number): Promise<void> {
  const sessions = await activeSessions(context.database);
  await Promise.all(
    sessions.map(async (session) => {
      const moved = await beginTermination(context, session.id, 'The server was stopped', stoppableSessionStates);
      if (!moved) await endDriver(context, session.id);
    }),
  );
  const inTime = new AbortController();
  const late = sleep(deadlineMillis, undefined, { signal: inTime.signal }).catch(() => undefined);
  await Promise.race([Promise.all(context.background), late]);
  inTime.abort();
}

function identityOf(session: SessionRow): DriverIdentity | undefined {
  return session.driver_json === null ? undefined : (JSON.parse(session.driver_json) as DriverIdentity);
}
