import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Demand } from './demand.ts';
import { poolDriver } from '../happenings.ts';
import type { PoolCensus } from './driver.ts';
import { outsideTraces } from '../spans.ts';
import { contextFits, holdsContext, jvmFits, type Profile } from './profile.ts';
import type { SparkDriver } from './spark-driver.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** A driver that has waited for so long is replaced: the machine around it may have changed. */
const LONGEST_WAIT_MS = 12 * 3_600_000;

/** A session that has just started is about to work, and whoever starts one may start another. */
const QUIET_MS = 2_000;
/** For so long sessions that work put a new driver off; then it is made beside them, at low priority. */
const LONGEST_DELAY_MS = 30_000;
const LOOK_MS = 250;

/** Starts a driver that warms itself; resolves once it is launched, long before it is warm. */
export type WarmLauncher = (profile: Profile) => Promise<SparkDriver>;

/** A driver taken from the pool. */
export interface Taken {
  readonly driver: SparkDriver;
  /** Whether the SparkContext that it holds, if it holds one, can be the session's. */
  readonly contextFits: boolean;
}

interface Waiting {
  readonly driver: SparkDriver;
  readonly profile: Profile;
  readonly since: number;
}

/**
 * Drivers that wait for a session. Filled in the background, one at a time, so that warming never takes more than one
 * core from the sessions that work.
 */
export class Pool {
  readonly #size: number;
  readonly #demand: Demand;
  readonly #launch: WarmLauncher;
  readonly #onWarm: (driver: SparkDriver) => void;
  readonly #sessionsWork: () => boolean;
  readonly #memoryAllows: () => boolean;
  readonly #logger: Logger;
  /** Oldest first. */
  readonly #waiting: Waiting[] = [];
  #filling: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  /** Sessions that start now; they need the cores more. */
  #starting = 0;
  /** When the last of them had started. */
  #startedAt = 0;
  #closed = false;

  constructor(
    size: number,
    demand: Demand,
    launch: WarmLauncher,
    onWarm: (driver: SparkDriver) => void,
    sessionsWork: () => boolean,
    memoryAllows: () => boolean,
    logger: Logger,
  ) {
    this.#size = size;
    this.#demand = demand;
    this.#launch = launch;
    this.#onWarm = onWarm;
    this.#sessionsWork = sessionsWork;
    this.#memoryAllows = memoryAllows;
    this.#logger = logger;
  }

  /** Whether a driver waits that has done its warm-up. */
  get oneIsWarm(): boolean {
    return this.#waiting.some(({ driver }) => driver.alive && driver.isReady);
  }

  census(): PoolCensus {
    const living = this.#waiting.filter(({ driver }) => driver.alive);
    const ready = living.filter(({ driver }) => driver.isReady);
    const hot = ready.filter(({ profile }) => holdsContext(profile)).length;
    return { size: this.#size, hot, warm: ready.length - hot, warming: living.length - ready.length };
  }

  get drivers(): readonly SparkDriver[] {
    return this.#waiting.map(({ driver }) => driver);
  }

  /**
   * The driver that can be the session's soonest; undefined when none that waits has the right JVM. It leaves the pool for
   * good. The pool is not filled again before `started()`.
   */
  take(profile: Profile): Taken | undefined {
    this.#starting += 1;
    this.#demand.note(profile);
    const usable = this.#waiting.filter(
      (each) => each.driver.alive && Date.now() - each.since < LONGEST_WAIT_MS && jvmFits(each.profile, profile),
    );
    const rank = (each: Waiting) => Number(each.driver.isReady) * (contextFits(each.profile, profile) ? 2 : 1);
    const best = usable.toSorted((left, right) => rank(right) - rank(left))[0];
    if (best === undefined) return undefined;
    this.#remove(best.driver);
    return { driver: best.driver, contextFits: contextFits(best.profile, profile) };
  }

  /** A session for which `take` was called has its driver, or has failed. */
  started(): void {
    this.#starting -= 1;
    this.#startedAt = Date.now();
    this.fill();
  }

  /** Sees to it that the pool becomes full; returns at once. */
  fill(): void {
    if (this.#closed || this.#filling !== undefined || this.#retry !== undefined) {
      return;
    }
    // It is for sessions to come, not for the one whose start has set it off.
    this.#filling = outsideTraces(() => this.#fill()).finally(() => {
      this.#filling = undefined;
      // A session may have ended its start after the last look at it.
      if (this.#hasRoom()) this.fill();
    });
  }

  /** Ends all drivers that wait. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#waiting.map(({ driver }) => driver.stop()));
    await this.#filling;
  }

  #hasRoom(): boolean {
    return !this.#closed && this.#starting === 0 && this.#waiting.length < this.#size;
  }

  async #fill(): Promise<void> {
    while (this.#hasRoom()) {
      await this.#untilQuiet();
      if (!this.#hasRoom()) return;
      if (!this.#memoryAllows()) {
        this.#logger.info('no driver is started for the pool: memory is short');
        this.#fillLater();
        return;
      }
      try {
        await this.#add(this.#demand.next(this.#waiting.map(({ profile }) => profile)));
        this.#retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#logger.error({ err: error }, 'a driver for the pool did not become warm');
        this.#fillLater();
        return;
      }
      await this.#retireOld();
    }
  }

  /** Warming takes a core for many seconds: not while sessions need it, unless that goes on for long. */
  async #untilQuiet(): Promise<void> {
    const deadline = Date.now() + LONGEST_DELAY_MS;
    const busy = () => Date.now() - this.#startedAt < QUIET_MS || this.#sessionsWork();
    while (this.#hasRoom() && busy() && Date.now() < deadline) await sleep(LOOK_MS, undefined, { ref: false });
  }

  async #add(profile: Profile): Promise<void> {
    poolDriver.tell({ step: 'started' });
    const driver = await this.#launch(profile).catch((error: unknown) => {
      poolDriver.tell({ step: 'failed' });
      throw error;
    });
    this.#waiting.push({ driver, profile, since: Date.now() });
    void driver.exited.then(() => this.#discard(driver));
    if (this.#closed) {
      await driver.stop();
      return;
    }
    try {
      await driver.ready();
    } catch (error) {
      if (this.#closed || !this.#waiting.some((each) => each.driver === driver)) {
        return; // ended on purpose, or a session's by now
      }
      throw error;
    }
    poolDriver.tell({ step: 'warm' });
    this.#logger.info({ driverId: driver.identity.driverId }, 'a pool driver is warm');
    this.#onWarm(driver);
  }

  async #retireOld(): Promise<void> {
    const old = this.#waiting.filter(({ since }) => Date.now() - since >= LONGEST_WAIT_MS);
    for (const { driver } of old) {
      this.#remove(driver);
      await driver.stop();
    }
  }

  /** A driver that ended while it waited. */
  async #discard(driver: SparkDriver): Promise<void> {
    if (this.#remove(driver) && !this.#closed) {
      poolDriver.tell({ step: 'failed' });
      await driver.stop();
      this.#fillLater();
    }
  }

  #fillLater(): void {
    if (this.#closed || this.#retry !== undefined) {
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.fill();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  #remove(driver: SparkDriver): boolean {
    const position = this.#waiting.findIndex((each) => each.driver === driver);
    if (position >= 0) {
      this.#waiting.splice(position, 1);
    }
    return position >= 0;
  }
}
