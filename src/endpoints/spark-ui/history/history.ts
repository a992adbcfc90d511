import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SessionRow } from '../../../store/tables.ts';
import { UiProblem } from '../problem.ts';
import type { SessionUi } from '../uis.ts';
import { type HistoryPaths, type HistoryProcess, startHistory } from './process.ts';

const SWEEP_MILLIS = 5_000;
const STOP_MILLIS = 5_000;
const END_WAIT_MILLIS = 1_000;
/** Logs that lie here at a time; those beyond are fetched again when they are wanted. */
const MOST_LOGS = 50;
const FOLDERS = ['logs', 'store', 'tmp'];

export interface HistoryOptions extends HistoryPaths {
  /** How long it goes on when nobody looks. */
  readonly idleMillis: number;
  /** Puts a session's event log into a folder, as Spark's History Server reads it. @returns whether there is one */
  readonly fetchLog: (session: SessionRow, folder: string) => Promise<boolean>;
  readonly logger: Logger;
}

interface Running {
  readonly process: HistoryProcess;
  /** Of which sessions it knows, or is about to; the oldest first. */
  readonly shown: Map<string, Promise<boolean>>;
}

/**
 * The UIs of sessions that have ended: one History Server of Spark's for all of them, started when somebody looks and stopped when nobody
 * does any more. What lies in its folder is a copy, which goes with it.
 */
export class SparkHistory {
  readonly #options: HistoryOptions;
  #running: Promise<Running> | undefined;
  /** The one that `#running` has led to. */
  #current: Running | undefined;
  #stopping: Promise<void> = Promise.resolve();
  #sweeping: NodeJS.Timeout | undefined;
  #usedAt = 0;
  #closed = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** @param row of a session that has ended; @throws UiProblem */
  async of(row: SessionRow): Promise<SessionUi> {
    this.#usedAt = performance.now();
    const running = await this.#run();
    if (!(await this.#shows(running, row))) throw new UiProblem(404, 'There is no event log of this session to show.');
    this.#usedAt = performance.now();
    const { address, ended } = running.process;
    // Its end may not have been seen yet.
    const forget = async () => void (await Promise.race([ended, sleep(END_WAIT_MILLIS)]));
    return { address, placeOf: placeIn(row.id), forget };
  }

  /** Ends it; resolves when it has gone. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  async #run(): Promise<Running> {
    if (this.#closed) throw new UiProblem(503, 'The server is being stopped.');
    this.#running ??= this.#start();
    const starting = this.#running;
    try {
      return await starting;
    } catch (error) {
      this.#options.logger.error({ err: error }, "Spark's History Server does not start");
      if (this.#running === starting) this.#running = undefined;
      throw new UiProblem(503, "Spark's History Server does not start; the server's log says why.");
    }
  }

  async #start(): Promise<Running> {
    const { folder, logger } = this.#options;
    await this.#stopping;
    await this.#clear();
    for (const name of FOLDERS) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    const process = await startHistory(this.#options);
    logger.info({ pid: process.pid }, "Spark's History Server runs");
    const running = { process, shown: new Map() };
    void process.ended.then((reason) => this.#discard(running, reason));
    this.#current = running;
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MILLIS).unref();
    return running;
  }

  /** It has ended, and nobody has told it to. */
  #discard(running: Running, reason: string): void {
    if (this.#current !== running) return;
    this.#current = this.#running = undefined;
    this.#options.logger.error({ reason }, "Spark's History Server ended; it is started again when somebody looks");
  }

  async #shows(running: Running, row: SessionRow): Promise<boolean> {
    const { shown } = running;
    const known = shown.get(row.id) ?? this.#fetch(running, row);
    shown.set(row.id, known);
    try {
      if (await known) return true;
    } catch (error) {
      shown.delete(row.id);
      this.#options.logger.error({ err: error, sessionId: row.id }, 'An event log could not be fetched');
      throw new UiProblem(503, 'The event log of this session cannot be had at the moment.', 5);
    }
    shown.delete(row.id);
    return false;
  }

  async #fetch({ process, shown }: Running, row: SessionRow): Promise<boolean> {
    const logs = join(this.#options.folder, 'logs');
    if (!(await this.#options.fetchLog(row, logs))) return false;
    const [oldest] = shown.keys();
    if (oldest !== undefined && shown.size > MOST_LOGS) {
      shown.delete(oldest);
      await rm(join(logs, `eventlog_v2_${oldest}`), { recursive: true, force: true });
    }
    return await process.show(row.id);
  }

  #sweep(): void {
    if (this.#running !== undefined && performance.now() - this.#usedAt > this.#options.idleMillis) {
      void this.#stop();
    }
  }

  #stop(): Promise<void> {
    const running = this.#running;
    this.#current = this.#running = undefined;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
    this.#stopping = this.#end(running).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, "Spark's History Server was not stopped in order");
    });
    return this.#stopping;
  }

  async #end(starting: Promise<Running> | undefined): Promise<void> {
    const running = await starting?.catch(() => undefined);
    if (running === undefined) return;
    running.process.end();
    const late = setTimeout(() => running.process.kill(), STOP_MILLIS);
    await running.process.ended;
    clearTimeout(late);
    await this.#clear();
  }

  async #clear(): Promise<void> {
    for (const name of FOLDERS) await rm(join(this.#options.folder, name), { recursive: true, force: true });
  }
}

/** Pages of the live UI lead to those of the history; other sessions' are nobody's who has this session's token. */
function placeIn(sessionId: string): (path: string) => string {
  const own = [`/history/${sessionId}`, `/api/v1/applications/${sessionId}`];
  return (path) => {
    if (own.some((place) => path === place || path.startsWith(`${place}/`)) || path.startsWith('/static/')) return path;
    if (path.startsWith('/history/') || path.startsWith('/api/')) {
      throw new UiProblem(403, 'This token shows the pages of its own session, and no others.');
    }
    return `/history/${sessionId}${path === '/' ? '/jobs/' : path}`;
  };
}
