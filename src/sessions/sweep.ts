import { sessionArn } from '../access/arns.ts';
import { type Clock, systemClock } from '../clock.ts';
import { forgetRequestTokens } from '../store/request-tokens.ts';
import {
  deleteEndedSessions,
  idleSessionsPast,
  renewLeases,
  shiftIdleTimes,
  touchIdleSessions,
} from '../store/sessions.ts';
import type { SessionRow } from '../store/tables.ts';
import { LEASE_MILLIS, type SessionsContext } from './context.ts';
import { TERMINATED_PER_REQUEST } from './ending.ts';
import { noteAllExecutors } from './executor-notes.ts';
import { renewSessionKeys } from './session-keys.ts';
import { sweepLogs } from './session-logs.ts';
import { beginTermination } from './terminate-session.ts';

const SWEEP_MILLIS = 1_000;
const LEASE_RENEWAL_MILLIS = LEASE_MILLIS / 3;
/** Far less than the shortest idle timeout, a minute. */
const ACTIVITY_MILLIS = 5_000;
const RETENTION_SWEEP_MILLIS = 60_000;
/** Clocks that are only kept right move by less between two sweeps. */
const JUMP_MILLIS = 5_000;
const DAY = 24 * 60 * 60 * 1000;

/** Deadlines are in rows; this looks at them once a second, renews leases, and forgets what retention no longer keeps. */
export class Sweeper {
  readonly #context: SessionsContext;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #clock: Clock;
  /** Both clocks at the last sweep. */
  #last: { readonly wall: number; readonly steady: number } | undefined;
  /** By the steady clock, as intervals are. */
  #leasesRenewedAt = Number.NEGATIVE_INFINITY;
  #retentionSweptAt = Number.NEGATIVE_INFINITY;
  #activityWrittenAt = Number.NEGATIVE_INFINITY;

  constructor(context: SessionsContext, clock: Clock = systemClock) {
    this.#context = context;
    this.#clock = clock;
  }

  /** Whether deadlines are being looked after. */
  get started(): boolean {
    return this.#timer !== undefined;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.sweep()
        .catch((error: unknown) => this.#context.logger.error({ err: error }, 'A sweep failed'))
        .finally(() => this.#timer && this.start());
    }, SWEEP_MILLIS);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  async sweep(): Promise<void> {
    const now = this.#clock.wall();
    const steady = this.#clock.steady();
    await this.#followClock(now, steady);
    if (steady - this.#activityWrittenAt >= ACTIVITY_MILLIS) {
      await writeActivity(this.#context, now);
      await noteAllExecutors(this.#context);
      this.#activityWrittenAt = steady;
    }
    await terminateIdleSessions(this.#context, now);
    renewSessionKeys(this.#context, now);
    await sweepLogs(this.#context, steady);
    if (steady - this.#leasesRenewedAt >= LEASE_RENEWAL_MILLIS) {
      await renewLeases(this.#context.database, this.#context.serverId, now + LEASE_MILLIS);
      this.#leasesRenewedAt = steady;
    }
    if (steady - this.#retentionSweptAt >= RETENTION_SWEEP_MILLIS) {
      await applyRetention(this.#context, now);
      this.#retentionSweptAt = steady;
    }
  }

  /** A clock that was set makes no session older: the times since when sessions are IDLE move with it. */
  async #followClock(wall: number, steady: number): Promise<void> {
    const { database, logger } = this.#context;
    const last = this.#last ?? { wall, steady };
    const passed = steady - last.steady;
    const jump = Math.round(wall - last.wall - passed);
    if (Math.abs(jump) >= JUMP_MILLIS) {
      await shiftIdleTimes(database, { by: jump, before: last.wall, now: wall });
      logger.warn({ jump }, 'The clock was set, or the machine has slept; that does not count as idle time');
    }
    this.#last = { wall, steady };
  }
}

/** Idle timeouts count from a session's last use, not only from its last calculation. */
export async function writeActivity(context: SessionsContext, now: number): Promise<void> {
  const used = context.activity.take();
  if (used.length === 0) return;
  try {
    await touchIdleSessions(context.database, used, now);
  } catch (error) {
    context.activity.putBack(used);
    throw error;
  }
}

/**
 * Only from IDLE: a calculation that came in between has made the session BUSY, and the move fails. Who works without a calculation,
 * as a streaming query does, or a query of Spark Connect whose client has lost its connection, is not idle either.
 */
export async function terminateIdleSessions(context: SessionsContext, now: number): Promise<void> {
  const past = await idleSessionsPast(context.database, now);
  const end = async ({ id }: SessionRow) => {
    const working = await context.live.get(id)?.working();
    if (working) await touchIdleSessions(context.database, [id], now);
    else await beginTermination(context, id, TERMINATED_PER_REQUEST, ['IDLE']);
  };
  await Promise.all(past.map(end));
}

/** Request tokens live as long as what they started: a repeated call must never start a second one while the first is listed. */
async function applyRetention(context: SessionsContext, now: number): Promise<void> {
  const before = now - context.settings.retentionDays * DAY;
  await deleteEndedSessions(context.database, { endedBefore: before }, (session) =>
    sessionArn(context.realm, session.workgroup, session.id),
  );
  await forgetRequestTokens(context.database, before);
}
