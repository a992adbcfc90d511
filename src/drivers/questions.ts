import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from './channel.ts';
import {
  DriverDied,
  type DriverExit,
  type ExecutorInfo,
  type SessionCredentials,
  type SparkConnectAddress,
  SparkConnectFailed,
  type SparkJob,
  type SparkUiAddress,
  SparkUiFailed,
} from './driver.ts';
import { credentialsMessage } from './messages.ts';
import {
  type Reply,
  readConnect,
  readDashboard,
  readExecutors,
  readJobs,
  readProgress,
  readRefusal,
  readWorking,
} from './replies.ts';

/** Whose answers they are. */
interface Asked {
  readonly alive: boolean;
  readonly exited: Promise<DriverExit>;
}

/** Executors and progress are asked while code runs; a JVM that collects garbage does not answer in time. */
const OBSERVE_MS = 5_000;
/** Classes of Spark Connect, and of the Spark UI, come from a disk that may be busy. */
const SERVE_MS = 30_000;

/** What a driver is asked over its control channel, which it answers while code runs: in bounded time, or not at all. */
export class Questions {
  readonly #control: Channel;
  readonly #driver: Asked;
  readonly #asked = new Map<string, Promise<Reply | undefined>>();

  constructor(control: Channel, driver: Asked) {
    this.#control = control;
    this.#driver = driver;
  }

  async progress(): Promise<number | undefined> {
    return readProgress(await this.#askOnce('progress_request'));
  }

  /** undefined when it does not say. */
  async executors(): Promise<readonly ExecutorInfo[] | undefined> {
    return readExecutors(await this.#askOnce('executors_request'));
  }

  async jobs(since: Date, until: Date): Promise<readonly SparkJob[]> {
    return readJobs(await this.ask('jobs_request', { since: +since, until: +until }));
  }

  async working(): Promise<boolean> {
    return readWorking(await this.#askOnce('working_request'));
  }

  async renewCredentials(credentials: SessionCredentials): Promise<boolean> {
    const reply = await this.ask('credentials_request', credentialsMessage(credentials));
    return reply?.status === 'ok';
  }

  async sparkConnect(): Promise<SparkConnectAddress> {
    const address = await this.#serve('connect_request', readConnect);
    if (typeof address !== 'string') return address;
    throw new SparkConnectFailed(`Spark Connect did not start: ${address}`);
  }

  async sparkUi(): Promise<SparkUiAddress> {
    const address = await this.#serve('dashboard_request', readDashboard);
    if (typeof address !== 'string') return address;
    throw new SparkUiFailed(`The Spark UI did not start: ${address}`);
  }

  /** @returns undefined when no answer comes in time, or ever */
  async ask(type: string, content: Reply = {}, milliseconds = OBSERVE_MS): Promise<Reply | undefined> {
    if (!this.#driver.alive) return undefined;
    const enough = new AbortController();
    const late = sleep(milliseconds, undefined, { signal: enough.signal }).catch(() => undefined);
    try {
      return await Promise.race([this.#control.request({ type, content }), late]);
    } catch {
      return undefined; // it has gone meanwhile
    } finally {
      enough.abort();
    }
  }

  /** One question of a kind at a time: a JVM that is slow to answer must not collect them. */
  #askOnce(type: string, milliseconds = OBSERVE_MS): Promise<Reply | undefined> {
    let answer = this.#asked.get(type);
    if (answer === undefined) {
      answer = this.ask(type, {}, milliseconds).finally(() => this.#asked.delete(type));
      this.#asked.set(type, answer);
    }
    return answer;
  }

  /** Has the driver serve something. @returns where, or why not; @throws DriverDied */
  async #serve<Address>(type: string, read: (reply: unknown) => Address | undefined): Promise<Address | string> {
    const reply = await this.#askOnce(type, SERVE_MS);
    const address = read(reply);
    if (address !== undefined) return address;
    if (!this.#driver.alive) throw new DriverDied((await this.#driver.exited).reason);
    return readRefusal(reply) ?? `the driver did not answer within ${SERVE_MS / 1000} s`;
  }
}
