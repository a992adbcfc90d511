import { type CalculationOutcome, type Driver, DriverDied } from '../drivers/driver.ts';
import { type CalculationEnded, calculationBegun, calculationEnded } from '../happenings.ts';
import { type Span, type SpanAttributes, spanned } from '../spans.ts';
import { findCalculation, markResult, moveCalculation } from '../store/calculations.ts';
import { addBusyTime, findSession, moveSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import type { CalculationRow, CalculationState, SessionRow } from '../store/tables.ts';
import { inBackground, type SessionsContext } from './context.ts';
import { ranMillis } from './dpus.ts';
import type { EarlyResults } from './early-results.ts';
import { CANCELED_PER_REQUEST, CANCELED_WITH_SESSION, failSession, fitReason } from './ending.ts';
import { untilRecorded } from './recorded.ts';
import { keepRemains, keepResults, ResultsLost, sendEarly } from './results.ts';
import { calculationStatesBefore } from './states.ts';

/** How a calculation ends, before it is written down. */
interface Ending {
  readonly state: Extract<CalculationState, 'COMPLETED' | 'FAILED' | 'CANCELED'>;
  readonly reason: string | null;
  readonly hasResult: boolean;
}

/** What of its row is needed to run a calculation. */
type SentCalculation = Pick<CalculationRow, 'id' | 'code' | 'submitted_at'>;

/** Runs an accepted calculation to its end: code, then results in S3, then the state that says so, and the session IDLE again. */
export async function runCalculation(
  context: SessionsContext,
  session: SessionRow,
  calculation: SentCalculation,
): Promise<void> {
  const options = { begunAt: calculation.submitted_at };
  await spanned(
    'calculation',
    spanOf(session, calculation),
    (span) => begin(context, session, calculation, span),
    options,
  );
}

async function begin(
  context: SessionsContext,
  session: SessionRow,
  calculation: SentCalculation,
  span: Span,
): Promise<void> {
  const { id: calculationId, code } = calculation;
  const driver = await driverOf(context, session.id);
  if (driver === undefined) return;
  const change = { started_at: Date.now() };
  const running = await untilRecorded(
    context,
    async (again) =>
      (await moveCalculation(context.database, calculationId, 'RUNNING', calculationStatesBefore('RUNNING'), change)) ||
      (again && (await findCalculation(context.database, calculationId))?.state === 'RUNNING'),
  );
  if (!running) {
    await finish(context, session.id, calculationId, {
      state: 'CANCELED',
      reason: CANCELED_PER_REQUEST,
      hasResult: false,
    });
    return;
  }
  span.past('queue', calculation.submitted_at, change.started_at);
  calculationBegun.tell({ waitedSeconds: (change.started_at - calculation.submitted_at) / 1000 });
  await seeThrough(context, session, calculationId, driver, driver.run(calculationId, code));
}

/** Goes on with a calculation that an earlier server had sent to the driver, or was about to send. */
export async function resumeCalculation(
  context: SessionsContext,
  session: SessionRow,
  calculation: SentCalculation,
): Promise<void> {
  const { id, code } = calculation;
  const driver = await driverOf(context, session.id);
  if (driver === undefined) return;
  const resume = () => seeThrough(context, session, id, driver, driver.resume(id, code));
  // The trace in which it began is the earlier server's.
  await spanned('calculation', { ...spanOf(session, calculation), 'parthenon.resumed': true }, resume, { root: true });
}

function spanOf(session: SessionRow, { id }: SentCalculation): SpanAttributes {
  return { 'parthenon.session.id': session.id, 'parthenon.calculation.id': id };
}

/** The session's driver, if need be once this server has found those that an earlier one left. Without one the session is FAILED. */
async function driverOf(context: SessionsContext, sessionId: string): Promise<Driver | undefined> {
  await context.recovered;
  const driver = context.live.get(sessionId);
  if (driver === undefined) await failSession(context, sessionId, 'The session has lost its driver.');
  return driver;
}

async function seeThrough(
  context: SessionsContext,
  session: SessionRow,
  calculationId: string,
  driver: Driver,
  outcome: Promise<CalculationOutcome>,
): Promise<void> {
  const early = sendEarly(context, session, calculationId, driver);
  try {
    // A stop that came between the calculation's move to RUNNING and the code's start has found nothing to interrupt.
    outcome.catch(() => undefined); // Awaited below; a rejection before that must not count as unhandled.
    await interruptIfCanceling(context, session.id, calculationId);
    const ran = await spanned('run', {}, (span) => tellJobs(context, driver, outcome, span));
    const ending = await publish(context, session, calculationId, ran, early);
    await spanned('record the end', { 'parthenon.state': ending.state }, () =>
      finish(context, session.id, calculationId, ending),
    );
    await driver.discardSpool(calculationId);
  } catch (error) {
    if (error instanceof DriverDied) {
      await failSession(context, session.id, error.message);
      await keepRemains(context, session, calculationId, error.spoolFolder);
      return;
    }
    // What the session's variables are now is anybody's guess: better no session than a wrong one, or one BUSY for ever.
    context.logger.error({ err: error, calculationId }, 'A calculation could not be brought to its end');
    await failSession(context, session.id, 'The session has failed because of an internal error.');
    await driver.stop();
  } finally {
    await early.abandon();
  }
}

/** Spark's jobs as children of the run; they are asked for while the results go to S3. */
async function tellJobs(
  context: SessionsContext,
  driver: Driver,
  outcome: Promise<CalculationOutcome>,
  span: Span,
): Promise<CalculationOutcome> {
  const ran = await outcome;
  const { calculationId, status, startedAt, endedAt } = ran;
  span.set({ 'parthenon.outcome': status });
  if (!span.recording) return ran;
  inBackground(context, `Spark jobs of calculation ${calculationId}`, async () => {
    for (const job of await driver.jobs(startedAt, endedAt)) {
      span.past(`Spark job ${job.jobId}`, job.submittedAt.getTime(), (job.endedAt ?? endedAt).getTime(), {
        'spark.job.id': job.jobId,
        'spark.job.name': job.name,
        'spark.job.status': job.status,
        'spark.job.group': job.group,
        'spark.job.stages': job.stages,
        'spark.job.tasks': job.tasks,
      });
    }
  });
  return ran;
}

async function interruptIfCanceling(context: SessionsContext, sessionId: string, calculationId: string): Promise<void> {
  const row = await untilRecorded(context, () => findCalculation(context.database, calculationId));
  if (row?.state === 'CANCELING') await context.live.get(sessionId)?.interrupt(calculationId);
}

/** Puts what the calculation left into S3, and says how it has ended. */
async function publish(
  context: SessionsContext,
  session: SessionRow,
  calculationId: string,
  outcome: CalculationOutcome,
  early: EarlyResults,
): Promise<Ending> {
  const { spoolFolder } = outcome;
  try {
    await spanned('upload', {}, async () =>
      keepResults(context, session, calculationId, spoolFolder, await early.finish(spoolFolder)),
    );
  } catch (error) {
    if (!(error instanceof ResultsLost)) throw error;
    return await untilRecorded(context, () => endingWithoutResults(context, outcome, error.message));
  }
  return await untilRecorded(context, () => endingOf(context, session.id, calculationId, outcome));
}

/** A stop while results waited for S3 has given them up. */
async function endingWithoutResults(
  context: SessionsContext,
  outcome: CalculationOutcome,
  reason: string,
): Promise<Ending> {
  const canceling = (await findCalculation(context.database, outcome.calculationId))?.state === 'CANCELING';
  const first = canceling ? CANCELED_PER_REQUEST : errorOf(outcome);
  const told = [first, reason].filter((part) => part).join('. ');
  return { state: canceling ? 'CANCELED' : 'FAILED', reason: fitReason(told), hasResult: false };
}

/** Empty for none. */
function errorOf({ errorName, errorValue }: CalculationOutcome): string {
  return [errorName, errorValue].filter((part) => part).join(': ');
}

async function endingOf(
  context: SessionsContext,
  sessionId: string,
  calculationId: string,
  outcome: CalculationOutcome,
): Promise<Ending> {
  if (outcome.status === 'ok') return { state: 'COMPLETED', reason: null, hasResult: true };
  const canceling = (await findCalculation(context.database, calculationId))?.state === 'CANCELING';
  if (outcome.status === 'interrupted' && canceling) {
    const terminating = (await findSession(context.database, sessionId))?.state === 'TERMINATING';
    return { state: 'CANCELED', reason: terminating ? CANCELED_WITH_SESSION : CANCELED_PER_REQUEST, hasResult: true };
  }
  return { state: 'FAILED', reason: fitReason(errorOf(outcome) || 'The code was interrupted.'), hasResult: true };
}

/** One transaction, so that a client that sees the end finds the session IDLE. */
async function finish(
  context: SessionsContext,
  sessionId: string,
  calculationId: string,
  ending: Ending,
): Promise<void> {
  const now = Date.now();
  const end = async (transaction: Database, again: boolean): Promise<CalculationEnded | undefined> => {
    const row = await findCalculation(transaction, calculationId);
    const ran = row?.started_at ? ranMillis(row.started_at, now) : 0;
    const ended = { state: ending.state, ranSeconds: row?.started_at ? ran / 1000 : undefined };
    // Written before, and its answer lost: the session may be BUSY with the next one.
    if (again && row?.completed_at === now) return ended;
    // The session first, as everywhere: two that lock the same rows in different orders would wait for each other.
    await addBusyTime(transaction, sessionId, ran);
    await moveSession(transaction, sessionId, 'IDLE', ['BUSY'], { idle_since: now, last_modified_at: now });
    const moved = await moveCalculation(
      transaction,
      calculationId,
      ending.state,
      calculationStatesBefore(ending.state),
      { completed_at: now, state_change_reason: ending.reason, has_result: ending.hasResult ? 1 : 0 },
    );
    if (!moved) {
      // Its session failed meanwhile, and it with it: its time is counted.
      await addBusyTime(transaction, sessionId, -ran);
      if (ending.hasResult) await markResult(transaction, calculationId);
    }
    return moved ? ended : undefined;
  };
  const ended = await untilRecorded(context, (again) =>
    context.database.transaction().execute((transaction) => end(transaction, again)),
  );
  if (ended !== undefined) calculationEnded.tell(ended);
  context.changes.tell(calculationId);
  context.changes.tell(sessionId);
}
