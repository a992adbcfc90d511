import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

/** Two numbers that no other program is likely to lock: `PART`, and the kind of lock. */
const LOCK = [0x50_41_52_54, 1];

const RETRY_MILLIS = 500;
/** How long a start waits for the end of a server that is stopping; SQLite's busy timeout. */
const START_PATIENCE_MILLIS = 5_000;
/** How long a server that lost the lock waits for whoever has it: longer than PostgreSQL keeps a connection whose end it did not see. */
const RETAKE_PATIENCE_MILLIS = 40_000;
const PING_MILLIS = 5_000;
const ANSWER_MILLIS = 5_000;
/** PostgreSQL ends a connection whose other end has gone without a word (a machine without power) after 10 s + 3 x 5 s; its own default is two hours. */
const KEEP_ALIVE = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3';

/** What becomes of the lock after it was taken. */
export interface ServerLockEvents {
  /** The lock's connection has gone, and so has the lock. */
  lost(reason: string): void;
  /** It is held again. */
  regained(): void;
  /** Another server holds it now; this one will not get it any more. */
  taken(): void;
}

/**
 * That only one server uses a database: a session-level advisory lock on a connection of its own. It goes with the process
 * that holds it. A lost connection is noticed at once, or by an unanswered question, and the lock is taken again.
 * https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 */
export class ServerLock {
  readonly #config: ClientConfig;
  readonly #events: ServerLockEvents;
  readonly #released = new AbortController();
  readonly #watching: Promise<void>;
  /** Undefined while the lock is lost. */
  #client: Client | undefined;

  private constructor(config: ClientConfig, events: ServerLockEvents, client: Client) {
    this.#config = config;
    this.#events = events;
    this.#client = client;
    this.#watching = this.#watch();
  }

  /**
   * @returns undefined when another server has the lock
   * @throws what the connection fails with
   */
  static async take(config: ClientConfig, events: ServerLockEvents): Promise<ServerLock | undefined> {
    const deadline = Date.now() + START_PATIENCE_MILLIS;
    for (;;) {
      const client = await lockedConnection(config);
      if (client !== undefined) return new ServerLock(config, events, client);
      if (Date.now() > deadline) return undefined;
      await sleep(RETRY_MILLIS);
    }
  }

  get held(): boolean {
    return this.#client !== undefined;
  }

  async release(): Promise<void> {
    this.#released.abort();
    await this.#client?.end();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#released;
    while (this.#client !== undefined) {
      const reason = await untilLost(this.#client, signal);
      if (signal.aborted) return;
      this.#client = undefined;
      this.#events.lost(reason);
      this.#client = await this.#takeAgain();
      if (this.#client !== undefined) this.#events.regained();
      else if (!signal.aborted) this.#events.taken();
    }
  }

  /** @returns undefined when another server has kept the lock for long, or nobody wants it any more */
  async #takeAgain(): Promise<Client | undefined> {
    const { signal } = this.#released;
    let refusedSince: number | undefined;
    while (!signal.aborted) {
      try {
        const client = await lockedConnection(this.#config);
        if (signal.aborted) void client?.end();
        else if (client !== undefined) return client;
        refusedSince ??= Date.now();
        if (Date.now() - refusedSince > RETAKE_PATIENCE_MILLIS) return undefined;
      } catch {
        // PostgreSQL is away, which may take as long as it takes.
        refusedSince = undefined;
      }
      await sleep(RETRY_MILLIS, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }
}

/** @returns undefined when another connection holds the lock */
async function lockedConnection(config: ClientConfig): Promise<Client | undefined> {
  const client = new Client({ ...config, query_timeout: ANSWER_MILLIS });
  // Whoever asks next is told; without a listener Node would end the process.
  client.on('error', () => undefined);
  let taken = false;
  try {
    await client.connect();
    await client.query(KEEP_ALIVE);
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', LOCK);
    taken = rows[0]?.taken === true;
  } finally {
    if (!taken) void client.end();
  }
  return taken ? client : undefined;
}

/** @returns why the connection counts as lost; when `signal` aborts, anything */
async function untilLost(client: Client, signal: AbortSignal): Promise<string> {
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  let reason: string | undefined;
  client.once('error', (error) => {
    reason = error.message;
  });
  for (;;) {
    await Promise.race([ended, sleep(PING_MILLIS, undefined, { signal }).catch(() => undefined)]);
    if (signal.aborted) return '';
    try {
      await client.query('SELECT 1');
    } catch (error) {
      void client.end();
      return reason ?? (error as Error).message;
    }
  }
}
