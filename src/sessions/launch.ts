import { type Driver, type DriverExit, type DriverIdentity, SessionStartFailed } from '../drivers/driver.ts';
import { sessionReady, sessionStartFailed } from '../happenings.ts';
import { hasRunOut, sayWhatHasRunOut } from '../run-out.ts';
import { type Span, spanned } from '../spans.ts';
import type { NewSession } from '../store/tables.ts';
import type { WorkGroup } from '../workgroups/workgroups.ts';
import { assignmentOf } from './assignment.ts';
import { inBackground, type SessionsContext } from './context.ts';
import { failSession, finishTermination } from './ending.ts';
import { parseS3Uri } from './locations.ts';
import { checkLogLocation } from './log-stores.ts';
import { recordMove } from './recorded.ts';
import { firstCredentials, noteCredentials } from './session-keys.ts';

/** A session's `driver_json`. */
export interface RecordedDriver extends DriverIdentity {
  /** Where the session's code was told that S3 is: a server at another address cannot go on with the session. */
  readonly s3Endpoint: string;
  /** Whether it has keys that end, and takes others. Not said of sessions that an earlier version started, whose key lasts. */
  readonly keysEnd?: boolean;
}

/** The session was terminated while its driver was being made. */
class Overtaken extends Error {}

/**
 * Gives an accepted session its driver: CREATING -> CREATED (a driver is claimed and its identity kept) -> IDLE. Whatever fails
 * makes the session FAILED with the reason; a TerminateSession that came between is finished here.
 */
export async function launchSession(
  context: SessionsContext,
  session: NewSession,
  workGroup: WorkGroup,
): Promise<void> {
  const attributes = { 'parthenon.session.id': session.id, 'parthenon.workgroup': session.workgroup };
  await spanned('session.start', attributes, (span) => launch(context, session, workGroup, span));
}

async function launch(context: SessionsContext, session: NewSession, workGroup: WorkGroup, span: Span): Promise<void> {
  try {
    const credentials = await firstCredentials(context, session);
    const assignment = assignmentOf(context, session, workGroup, credentials);
    await spanned('results bucket', {}, () => ensureResultsBucket(context, session.working_directory));
    await checkLogLocation(context, session);
    const driver = await context.drivers.start(assignment, async (identity) => {
      const recorded: RecordedDriver = {
        ...identity,
        s3Endpoint: assignment.s3.endpoint,
        keysEnd: credentials.expiresAt !== undefined,
      };
      const change = { driver_json: JSON.stringify(recorded), last_modified_at: Date.now() };
      const claimed = await recordMove(context, session.id, 'CREATED', ['CREATING'], change);
      if (!claimed) throw new Overtaken();
    });
    span.set({ 'parthenon.start.from': driver.startedFrom, 'parthenon.driver.id': driver.identity.driverId });
    noteCredentials(context, session.id, credentials);
    await spanned('record IDLE', {}, () => becomeIdle(context, session, driver));
  } catch (error) {
    if (await finishTermination(context, session.id)) return;
    if (!(error instanceof SessionStartFailed))
      context.logger.error({ err: error, sessionId: session.id }, 'Session could not be started');
    const reason = reasonOf(error);
    span.fail(reason);
    sessionStartFailed.tell({ cause: error instanceof SessionStartFailed ? 'refused' : 'internal' });
    // A TerminateSession may have come between those two, and has left its end to this.
    if (!(await failSession(context, session.id, reason))) await finishTermination(context, session.id);
  }
}

async function becomeIdle(context: SessionsContext, session: NewSession, driver: Driver): Promise<void> {
  const sessionId = session.id;
  keepDriver(context, sessionId, driver);
  const now = Date.now();
  const change = { ready_at: now, idle_since: now, last_modified_at: now };
  const idle = await recordMove(context, sessionId, 'IDLE', ['CREATED'], change);
  context.changes.tell(sessionId);
  if (!idle) {
    await driver.stop();
    await finishTermination(context, sessionId);
  } else if (driver.startedFrom !== undefined) {
    sessionReady.tell({ kind: driver.startedFrom, seconds: (now - session.started_at) / 1000 });
  }
}

/** From now on this process talks to the session's driver, and sees to the session when the driver ends. */
export function keepDriver(context: SessionsContext, sessionId: string, driver: Driver): void {
  context.live.set(sessionId, driver);
  void driver.exited.then((exit) =>
    inBackground(context, `End of the driver of session ${sessionId}`, () => onExit(context, sessionId, driver, exit)),
  );
}

async function onExit(context: SessionsContext, sessionId: string, driver: Driver, exit: DriverExit): Promise<void> {
  context.live.delete(sessionId);
  context.keyRenewals.delete(sessionId);
  if (!exit.expected) {
    context.logger.warn({ sessionId, reason: exit.reason }, 'A driver died');
    await failSession(context, sessionId, exit.reason);
    // What a calculation left in the driver's folder goes to S3 before the folder goes.
    await context.running.get(sessionId);
    await driver.stop();
  }
  context.running.delete(sessionId);
}

function reasonOf(error: unknown): string {
  if (error instanceof SessionStartFailed) return error.message;
  const why = hasRunOut(error) ? `: the server has ${sayWhatHasRunOut(error)}` : ' because of an internal error';
  return `The session could not be started${why}.`;
}

async function ensureResultsBucket(context: SessionsContext, workingDirectory: string): Promise<void> {
  const { bucket } = parseS3Uri(workingDirectory);
  try {
    await context.objects.ensureBucket(bucket);
  } catch (error) {
    context.logger.warn({ err: error, bucket }, 'The output bucket could not be made');
    throw new SessionStartFailed(`Unable to verify/create output bucket ${bucket}: ${(error as Error).message}`);
  }
}
