import { randomUUID } from 'node:crypto';
import type { StartCalculationExecutionRequest } from '@aws-sdk/client-athena';
import { InvalidRequestException, ResourceNotFoundException } from '../errors.ts';
import { noteOnSpan } from '../spans.ts';
import { findCalculation, insertCalculation, moveCalculation } from '../store/calculations.ts';
import { nextPosition } from '../store/positions.ts';
import { findByRequestToken, rememberRequestToken } from '../store/request-tokens.ts';
import { findSession, moveSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import type { CalculationRow, CalculationState, NewCalculation, SessionRow } from '../store/tables.ts';
import { inBackground, type SessionsContext } from './context.ts';
import { calculationDirectory } from './locations.ts';
import { checkNotDraining } from './draining.ts';
import { checkRoomForCalculation } from './quotas.ts';
import { followUp } from './recorded.ts';
import { runCalculation } from './run-calculation.ts';
import { calculationStates, calculationStatesBefore, notAcceptingMessage } from './states.ts';

const OPERATION = 'StartCalculationExecution';

/** @throws InvalidRequestException: what AWS answers calculation calls on an unknown session */
export async function getSessionOfCalculations(context: SessionsContext, sessionId: string): Promise<SessionRow> {
  const session = await findSession(context.database, sessionId);
  if (session === undefined) throw new InvalidRequestException(`Session ${sessionId} is not found.`);
  return session;
}

/** @throws ResourceNotFoundException */
export async function getCalculation(context: SessionsContext, calculationId: string): Promise<CalculationRow> {
  const row = await findCalculation(context.database, calculationId);
  if (row === undefined)
    throw new ResourceNotFoundException(`Calculation ${calculationId} is not found.`, calculationId);
  return row;
}

/**
 * Accepts a calculation: the session is BUSY with it when this returns, and its code runs in the background.
 *
 * @returns the id, and the state at first reply
 * @throws InvalidRequestException with the session's state in it, when that one cannot take a calculation; TooManyRequestsException;
 * ServiceUnavailableException while the server is being stopped
 */
export async function startCalculation(
  context: SessionsContext,
  request: StartCalculationExecutionRequest,
): Promise<{ calculationId: string; state: CalculationState }> {
  checkNotDraining(context);
  const code = codeOf(request);
  // What an earlier server left is gone on with by then, so that nobody takes this one for a part of that and runs it as well.
  await context.recovered;
  const session = await getSessionOfCalculations(context, request.SessionId as string);
  const row = newCalculation(session, code, request.Description);
  noteOnSpan({ 'parthenon.session.id': session.id, 'parthenon.calculation.id': row.id });
  const run = () => {
    const work = inBackground(context, `Calculation ${row.id}`, () => runCalculation(context, session, row));
    context.running.set(session.id, work);
    return work;
  };
  const accept = async (transaction: Database) => {
    const token = request.ClientRequestToken;
    if (token !== undefined) {
      const earlier = await findByRequestToken(transaction, OPERATION, token, request);
      if (earlier !== undefined) return earlier;
    }
    const busy = await moveSession(transaction, session.id, 'BUSY', ['IDLE'], {
      idle_since: null,
      last_modified_at: row.submitted_at,
    });
    if (!busy) {
      const now = await findSession(transaction, session.id);
      throw new InvalidRequestException(notAcceptingMessage(now?.state ?? 'TERMINATED'));
    }
    await checkRoomForCalculation(context, transaction);
    await insertCalculation(transaction, row);
    if (token !== undefined) await rememberRequestToken(transaction, OPERATION, token, request, row.id);
    return undefined;
  };
  const isWritten = async () => (await findCalculation(context.database, row.id)) !== undefined;
  const repeated = await context.database
    .transaction()
    .execute(accept)
    .catch((error: unknown) => followUp(context, `Calculation ${row.id}`, error, isWritten, run));
  if (repeated !== undefined) return { calculationId: repeated.resourceId, state: 'CREATING' };
  context.changes.tell(session.id);
  void run();
  return { calculationId: row.id, state: 'CREATING' };
}

/**
 * Asks a calculation to stop. On one that has ended it succeeds and does nothing.
 * @returns the state after the call
 */
export async function stopCalculation(context: SessionsContext, calculationId: string): Promise<CalculationState> {
  const row = await getCalculation(context, calculationId);
  if (calculationStates[row.state].ended) return row.state;
  const canceling = await moveCalculation(
    context.database,
    calculationId,
    'CANCELING',
    calculationStatesBefore('CANCELING'),
    {},
  );
  if (!canceling) return (await getCalculation(context, calculationId)).state;
  context.changes.tell(calculationId);
  const driver = context.live.get(row.session_id);
  if (driver !== undefined) {
    inBackground(context, `Interrupt of calculation ${calculationId}`, () => driver.interrupt(calculationId));
  }
  return 'CANCELING';
}

function codeOf(request: StartCalculationExecutionRequest): string {
  const deprecated = request.CalculationConfiguration?.CodeBlock;
  if (request.CodeBlock !== undefined && deprecated !== undefined) {
    throw new InvalidRequestException('CodeBlock and CalculationConfiguration.CodeBlock cannot both be provided.');
  }
  const code = request.CodeBlock ?? deprecated;
  if (code === undefined || code === '') throw new InvalidRequestException('CodeBlock is required.');
  return code;
}

function newCalculation(
  session: SessionRow,
  code: string,
  description: string | undefined,
): NewCalculation & { submitted_at: number } {
  const id = randomUUID();
  return {
    id,
    position: nextPosition(),
    session_id: session.id,
    description: description ?? null,
    code,
    working_directory: calculationDirectory(session.working_directory, id),
    state: 'CREATING',
    state_change_reason: null,
    submitted_at: Date.now(),
    started_at: null,
    completed_at: null,
    has_result: 0,
    dpus: session.coordinator_dpus + session.worker_dpus,
  };
}
