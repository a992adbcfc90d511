/** What callers may take of the server. Each is asked in the transaction that takes it, in turn with whoever else does. */
import type { Principal } from '../access/principal.ts';
import { InvalidRequestException, SessionAlreadyExistsException, TooManyRequestsException } from '../errors.ts';
import { countBusySessions, countTaken, findActiveSessionOfNotebook, type Taken } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import type { NewSession } from '../store/tables.ts';
import { takeTurn } from '../store/turns.ts';
import type { SessionsContext } from './context.ts';
import { IDLE_DRIVER_MEBIBYTES } from './footprint.ts';

/** Bounds of what sessions and calculations may take; undefined for none. */
export interface Quotas {
  readonly maxSessions?: number | undefined;
  readonly maxSessionsPerUser?: number | undefined;
  readonly maxDpus?: number | undefined;
  readonly maxDpusPerSession: number;
  readonly maxCalculations?: number | undefined;
  /** For sessions and the drivers that wait, together. */
  readonly sessionMemory: number;
  /** Drivers that wait. */
  readonly poolSize: number;
  /** What is to stay available when another driver has started; 0 for whatever there is. */
  readonly minFreeMemory: number;
}

/** Whose quota a session counts for: the caller's ARN. All who act with one role are one caller, or each could start more. */
export function startedBy({ arn, kind }: Principal): string {
  return kind === 'session' || kind === 'role' ? arn.slice(0, arn.lastIndexOf('/')) : arn;
}

/** @throws InvalidRequestException for what no retry can mend */
export function checkDpus(maxConcurrentDpus: number, { maxDpusPerSession }: Quotas): void {
  if (maxConcurrentDpus <= maxDpusPerSession) return;
  throw new InvalidRequestException(
    `MaxConcurrentDpus ${maxConcurrentDpus} is beyond what one session may have here, ${maxDpusPerSession} (PARTHENON_MAX_DPUS_PER_SESSION).`,
  );
}

/**
 * Whether there is room for one more session. Whoever calls it holds the turn of StartSession until the session is in its row, so
 * that no quota is passed by calls at the same time, at one server or several.
 *
 * @throws SessionAlreadyExistsException, TooManyRequestsException
 */
export async function checkRoomForSession(
  context: SessionsContext,
  transaction: Database,
  session: NewSession,
): Promise<void> {
  if (session.notebook_id) {
    const other = await findActiveSessionOfNotebook(transaction, session.notebook_id);
    if (other !== undefined) {
      throw new SessionAlreadyExistsException(
        `Notebook ${session.notebook_id} already has an active session: ${other.id}`,
      );
    }
  }
  const { quotas } = context.settings;
  const taken = await countTaken(transaction, session.started_by ?? '');
  checkCounts(quotas, taken, session);
  checkMemory(quotas, taken, session);
  checkMemoryNow(context, taken);
}

// dbt and AWS SDK for pandas know a full account by `Maximum allowed sessions`.
function checkCounts(quotas: Quotas, taken: Taken, session: NewSession): void {
  const { maxSessions, maxSessionsPerUser, maxDpus } = quotas;
  if (maxSessions !== undefined && taken.sessions >= maxSessions) {
    throw tooMany(
      `Maximum allowed sessions (${maxSessions}) reached. Terminate a session, or raise PARTHENON_MAX_SESSIONS.`,
    );
  }
  if (maxSessionsPerUser !== undefined && taken.sessionsOfCaller >= maxSessionsPerUser) {
    throw tooMany(
      `Maximum allowed sessions of one user (${maxSessionsPerUser}) reached. Terminate one of yours, or have PARTHENON_MAX_SESSIONS_PER_USER raised.`,
    );
  }
  const dpus = session.coordinator_dpus + session.worker_dpus;
  if (maxDpus !== undefined && taken.dpus + dpus > maxDpus) {
    throw tooMany(
      `Maximum allowed DPUs (${maxDpus}) reached: sessions have ${taken.dpus}, and this one asks for ${dpus}. ` +
        'Terminate a session, ask for fewer MaxConcurrentDpus, or raise PARTHENON_MAX_DPUS.',
    );
  }
}

/** What every session would take with a full heap has to fit. One alone always may: there is nothing to wait for. */
function checkMemory({ sessionMemory, poolSize }: Quotas, taken: Taken, session: NewSession): void {
  const asked = session.memory_mebibytes ?? 0;
  const room = sessionMemory - poolSize * IDLE_DRIVER_MEBIBYTES;
  if (taken.sessions === 0 || taken.memoryMebibytes + asked <= room) return;
  throw tooMany(
    `Maximum allowed sessions for the memory of the server reached: sessions may take ${Math.max(0, room)} MiB together and have ` +
      `${taken.memoryMebibytes}; this one asks for ${asked}. Terminate a session, ask for less spark.driver.memory, or raise PARTHENON_SESSION_MEMORY.`,
  );
}

/** Other programs take memory too, and what has just been started has not taken its own yet. */
function checkMemoryNow({ settings, drivers }: SessionsContext, taken: Taken): void {
  const { minFreeMemory } = settings.quotas;
  if (minFreeMemory === 0) return;
  // A driver that waits has its memory already.
  const toStart = taken.starting + (drivers.oneIsWarm() ? 0 : 1);
  const needed = minFreeMemory + toStart * IDLE_DRIVER_MEBIBYTES;
  const available = settings.availableMemory();
  if (available >= needed) return;
  throw tooMany(
    `Maximum allowed sessions for the memory that is available reached: ${available} MiB, of ${needed} that a start needs now. ` +
      'Terminate a session or end another program, or lower PARTHENON_MIN_FREE_MEMORY.',
  );
}

/**
 * Whether one more calculation may run, asked when its session is BUSY with it: what is thrown undoes that.
 * @throws TooManyRequestsException when more would be under way, in all sessions, than may
 */
export async function checkRoomForCalculation({ settings }: SessionsContext, transaction: Database): Promise<void> {
  const { maxCalculations } = settings.quotas;
  if (maxCalculations === undefined) return;
  await takeTurn(transaction, 'StartCalculationExecution');
  if ((await countBusySessions(transaction)) <= maxCalculations) return;
  throw tooMany(
    `Maximum allowed calculations (${maxCalculations}) reached. Wait for one to end, or raise PARTHENON_MAX_CALCULATIONS.`,
  );
}

function tooMany(message: string): TooManyRequestsException {
  return new TooManyRequestsException(message);
}
