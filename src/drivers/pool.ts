import type { Logger } from 'pino';
import type { SparkDriver } from './spark-driver.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** Starts a driver that warms itself; resolves once it is launched, long before it is warm. */
export type WarmLauncher = () => Promise<SparkDriver>;

/**
 * Drivers that wait for a session. Filled in the background, one at a time, so that warming never takes more than one
 * core from the sessions that work.
 */
export class Pool {
  readonly #size: number;
  readonly #launch: WarmLauncher;
  readonly #onWarm: (driver: SparkDriver) => void;
  readonly #logger: Logger;
  /** Warm ones first; the last may still be warming. */
  readonly #drivers: SparkDriver[] = [];
  #filling: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #closed = false;

  constructor(size: number, launch: WarmLauncher, onWarm: (driver: SparkDriver) => void, logger: Logger) {
    this.#size = size;
    this.#launch = launch;
    this.#onWarm = onWarm;
    this.#logger = logger;
  }

  get drivers(): readonly SparkDriver[] {
    return this.#drivers;
  }

  /**
   * The driver that is furthest along, warm or warming; undefined when there is none. It leaves the pool for good.
   * The pool is not filled again before the next `fill()`: a session that starts needs the cores more.
   */
  take(): SparkDriver | undefined {
    const driver = this.#drivers.find((each) => each.alive);
    if (driver !== undefined) {
      this.#remove(driver);
    }
    return driver;
  }

  /** Sees to it that the pool becomes full; returns at once. */
  fill(): void {
    if (this.#closed || this.#filling !== undefined || this.#retry !== undefined) {
      return;
    }
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
    });
  }

  /** Ends all drivers that wait. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#drivers.map((driver) => driver.stop()));
    await this.#filling;
  }

  async #fill(): Promise<void> {
    while (!this.#closed && this.#drivers.length < this.#size) {
      try {
        await this.#add();
        this.#retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#logger.error({ err: error }, 'a driver for the pool did not become warm');
        this.#fillLater();
        return;
      }
    }
  }

  async #add(): Promise<void> {
    const driver = await this.#launch();
    this.#drivers.push(driver);
    void driver.exited.then(() => this.#discard(driver));
    if (this.#closed) {
      await driver.stop();
      return;
    }
    try {
      await driver.ready();
    } catch (error) {
      if (this.#closed || !this.#drivers.includes(driver)) {
        return; // ended on purpose, or a session's by now
      }
      throw error;
    }
    this.#logger.info({ driverId: driver.identity.driverId }, 'a pool driver is warm');
    this.#onWarm(driver);
  }

  /** A driver that ended while it waited. */
  async #discard(driver: SparkDriver): Promise<void> {
    if (this.#remove(driver) && !this.#closed) {
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
    const position = this.#drivers.indexOf(driver);
    if (position >= 0) {
      this.#drivers.splice(position, 1);
    }
    return position >= 0;
  }
}
