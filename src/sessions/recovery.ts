import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from '../drivers/driver.ts';
import { calculationsIn } from '../store/calculations.ts';
import { activeSessions, takeOver } from '../store/sessions.ts';
import type { SessionRow } from '../store/tables.ts';
import { inBackground, LEASE_MILLIS, type SessionsContext } from './context.ts';
import { failSession, finishTermination } from './ending.ts';
import { keepDriver, type RecordedDriver } from './launch.ts';
import { resumeCalculation, runCalculation } from './run-calculation.ts';
import { runningCalculationStates, stoppableSessionStates } from './states.ts';
import { sendKeptLogs } from './session-logs.ts';
import { beginTermination, endDriver } from './terminate-session.ts';

/** In these an earlier server had sent the code to the driver, or was about to. */
const SENT: readonly string[] = ['RUNNING', 'CANCELING'];

/**
 * Goes on with what an earlier server left, which was killed or has crashed. A session whose driver is still that very process keeps
 * its state, and what it runs is seen through; each of the others gets a true end state, and its driver is ended. Called once, when
 * the server knows its own address; the store is this server's alone.
 */
export async function recoverSessions(context: SessionsContext): Promise<void> {
  const left = (await activeSessions(context.database)).filter(({ owner }) => owner !== context.serverId);
  await Promise.all(left.map((session) => recover(context, session)));
  const owned = (await activeSessions(context.database)).map(recordedDriver).filter((each) => each !== undefined);
  await context.drivers.sweepOrphans(owned);
}

async function recover(context: SessionsContext, session: SessionRow): Promise<void> {
  const recorded = recordedDriver(session);
  if (session.state === 'TERMINATING') {
    if (recorded !== undefined) await context.drivers.reap(recorded, session.id);
    await finishTermination(context, session.id);
    return;
  }
  const driver = await comeBack(context, session, recorded);
  if (driver !== undefined) {
    await goOn(context, session, driver);
    return;
  }
  if (recorded !== undefined) await context.drivers.reap(recorded, session.id);
  const reason =
    session.state === 'CREATING' || session.state === 'CREATED'
      ? 'The server stopped while the session was being started; its driver has been ended.'
      : 'The server stopped while the session was active, and its driver was not to be found again.';
  await failSession(context, session.id, reason);
}

async function comeBack(
  context: SessionsContext,
  session: SessionRow,
  recorded: RecordedDriver | undefined,
): Promise<Driver | undefined> {
  // One that was being started may have been told half of what it is to be.
  if (recorded === undefined || session.ready_at === null) return undefined;
  if (recorded.s3Endpoint !== context.settings.s3.endpoint()) {
    context.logger.warn(
      { sessionId: session.id, before: recorded.s3Endpoint },
      'A session cannot go on: its code knows this server by another address',
    );
    return undefined;
  }
  return await context.drivers.reattach(recorded, session.id);
}

async function goOn(context: SessionsContext, session: SessionRow, driver: Driver): Promise<void> {
  await takeOver(context.database, session.id, context.serverId, Date.now() + LEASE_MILLIS);
  keepDriver(context, session.id, driver);
  // How long its keys last nobody knows here.
  if (recordedDriver(session)?.keysEnd) context.keyRenewals.set(session.id, 0);
  context.logger.info({ sessionId: session.id, state: session.state }, 'Going on with a session of an earlier server');
  const left = await calculationsIn(context.database, session.id, runningCalculationStates);
  await driver.discardOtherSpools(left.map(({ id }) => id));
  for (const calculation of left) {
    const goOnWith = SENT.includes(calculation.state) ? resumeCalculation : runCalculation;
    context.running.set(
      session.id,
      inBackground(context, `Calculation ${calculation.id}`, () => goOnWith(context, session, calculation)),
    );
  }
}

/**
 * An orderly stop: every session is terminated, and its driver and folder are gone when this resolves; what has not ended in
 * time is left to the next start.
 */
export async function terminateAllSessions(context: SessionsContext, deadlineMillis: number): Promise<void> {
  const sessions = await activeSessions(context.database).catch((error: unknown) => error);
  if (!Array.isArray(sessions)) {
    context.logger.error({ err: sessions }, 'Drivers are ended without a word in the state database');
    await Promise.all([...context.live.values()].map((driver) => driver.stop()));
    return;
  }
  await Promise.all(
    sessions.map(async (session) => {
      const moved = await beginTermination(context, session.id, 'The server was stopped', stoppableSessionStates);
      if (!moved) await endDriver(context, session.id);
    }),
  );
  const inTime = new AbortController();
  const late = sleep(deadlineMillis, undefined, { signal: inTime.signal }).catch(() => undefined);
  const ended = Promise.all(context.background).then(() => sendKeptLogs(context));
  await Promise.race([ended, late]);
  inTime.abort();
}

function recordedDriver(session: SessionRow): RecordedDriver | undefined {
  return session.driver_json === null ? undefined : (JSON.parse(session.driver_json) as RecordedDriver);
}
