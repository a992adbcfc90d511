import { sessionArn } from '../access/arns.ts';
import { forgetRequestTokens } from '../store/request-tokens.ts';
import { deleteEndedSessions, idleSessionsPast, renewLeases } from '../store/sessions.ts';
import { LEASE_MILLIS, type SessionsContext } from './context.ts';
import { TERMINATED_PER_REQUEST } from './ending.ts';
import { beginTermination } from './terminate-session.ts';

const SWEEP_MILLIS = 1_000;
const LEASE_RENEWAL_MILLIS = LEASE_MILLIS / 3;
const RETENTION_SWEEP_MILLIS = 60_000;
const DAY = 24 * 60 * 60 * 1000;

/** Deadlines are in rows; this looks at them once a second, renews leases, and forgets what retention no longer keeps. */
export class Sweeper {
  readonly #context: SessionsContext;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #leasesRenewedAt = 0;
  #retentionSweptAt = 0;

  constructor(context: SessionsContext) {
    this.#context = context;
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

  async sweep(now = Date.now()): Promise<void> {
    await terminateIdleSessions(this.#context, now);
    if (now - this.#leasesRenewedAt >= LEASE_RENEWAL_MILLIS) {
      await renewLeases(this.#context.database, this.#context.serverId, now + LEASE_MILLIS);
      this.#leasesRenewedAt = now;
    }
    if (now - this.#retentionSweptAt >= RETENTION_SWEEP_MILLIS) {
      await applyRetention(this.#context, now);
      this.#retentionSweptAt = now;
    }
  }
}

/** Only from IDLE: a calculation that came in between has made the session BUSY, and the move fails. */
export async function terminateIdleSessions(context: SessionsContext, now: number): Promise<void> {
  for (const session of await idleSessionsPast(context.database, now)) {
    await beginTermination(context, session.id, TERMINATED_PER_REQUEST, ['IDLE']);
  }
}

/** Request tokens live as long as what they started: a repeated call must never start a second one while the first is listed. */
async function applyRetention(context: SessionsContext, now: number): Promise<void> {
  const before = now - context.settings.retentionDays * DAY;
  await deleteEndedSessions(context.database, { endedBefore: before }, (session) =>
    sessionArn(context.realm, session.workgroup, session.id),
  );
  await forgetRequestTokens(context.database, before);
}
