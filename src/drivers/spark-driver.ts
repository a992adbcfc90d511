import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { StartKind } from '../happenings.ts';
import { Channel } from './channel.ts';
import {
  type CalculationOutcome,
  type Driver,
  DriverDied,
  type DriverExit,
  type DriverIdentity,
  type ExecutorInfo,
  type SessionAssignment,
  type SessionCredentials,
  SessionStartFailed,
  type SparkConnectAddress,
  type SparkJob,
  type SparkUiAddress,
} from './driver.ts';
import type { DriverFolder } from './driver-folder.ts';
import { killDriver, removeDriver } from './end-driver.ts';
import { exitReason } from './exit-reason.ts';
import { keepLogs } from './kept-logs.ts';
import type { DriverProcess } from './launch.ts';
import { assignmentMessage } from './messages.ts';
import { outcomeOf } from './outcome.ts';
import { Questions } from './questions.ts';
import { type Assigned, readAssigned } from './replies.ts';
import { openSpoolFolder, readOutcome, removeOtherSpools, removeSpool } from './spool.ts';

/** How long a driver gets to stop Spark in order before it is killed. */
const SHUTDOWN_MS = 8_000;
/** What was killed is seen to have ended within this. */
const SEEN_MS = 2_000;
/** A driver that an earlier server left gets so long to show that it is there. */
const ANSWER_MS = 10_000;

/** A driver process of this server's life. Shapes of the messages: docs/contributors/drivers.md. */
export class SparkDriver implements Driver {
  readonly identity: DriverIdentity;
  readonly exited: Promise<DriverExit>;
  startedFrom: StartKind | undefined;
  readonly #shell: Channel;
  readonly #control: Channel;
  readonly #questions: Questions;
  readonly #interruptGraceMs: number;
  readonly #keptLogs: string | undefined;
  readonly #logger: Logger;
  #sessionId: string | undefined;
  #startedAt = new Date();
  /** It is a session: there may be files and executors for Spark to put in order. */
  #assigned = false;
  #ready = false;
  #running: string | undefined;
  #interruptDeadline: NodeJS.Timeout | undefined;
  #ended = false;
  #stopping: Promise<void> | undefined;
  /** Why this side ended it by force. */
  #forcedBecause: string | undefined;

  /** @param keptLogs where the logs of sessions that have ended go; undefined for nowhere */
  constructor(
    folder: DriverFolder,
    process: DriverProcess,
    interruptGraceMs: number,
    keptLogs: string | undefined,
    logger: Logger,
  ) {
    this.identity = process.identity;
    this.#shell = new Channel(folder.shellAddress, folder.key);
    this.#control = new Channel(folder.controlAddress, folder.key);
    this.#interruptGraceMs = interruptGraceMs;
    this.#keptLogs = keptLogs;
    this.#logger = logger;
    this.exited = process.ended.then(async (end) => {
      this.#ended = true;
      const reason = this.#forcedBecause ?? (await exitReason(folder.path, end));
      // The JVM ends by itself; what user code started does not.
      await killDriver({ driverId: this.identity.driverId });
      await this.#keepLogs();
      this.#disconnect();
      return { expected: this.#stopping !== undefined, reason };
    });
    this.#questions = new Questions(this.#control, this);
  }

  /** Has answered `ready`. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Whether a calculation runs. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get alive(): boolean {
    return !this.#ended;
  }

  /** Resolves when the driver answers: it is as warm as it was told to become. @throws DriverDied */
  async ready(): Promise<void> {
    await this.#orDied(this.#shell.request({ type: 'kernel_info_request', content: {} }));
    this.#ready = true;
  }

  /** Resolves when it is there; of what it is at it says nothing. @throws DriverDied */
  async answers(): Promise<void> {
    const reply = await this.#questions.ask('kernel_info_request', {}, ANSWER_MS);
    if (reply === undefined) throw new DriverDied(`The driver does not answer within ${ANSWER_MS / 1000} s`);
  }

  /** Has it skip what is left of its warm-up, for a session waits: that costs more than it saves now. */
  async hurry(): Promise<void> {
    // A driver that died this moment has no folder any more; `assign` tells.
    await writeFile(path.join(this.identity.folder, 'hurry'), '').catch(() => undefined);
  }

  /**
   * Makes it the session's.
   * @param contextFits whether the SparkContext that it holds, if it holds one, can be the session's
   * @returns where the time went, and when it began
   * @throws SessionStartFailed with Spark's own message
   */
  async assign(assignment: SessionAssignment, contextFits: boolean): Promise<Assigned> {
    this.#sessionId = assignment.sessionId;
    const content = assignmentMessage(assignment, contextFits);
    const request = this.#shell.request({ type: 'assign_request', content });
    const reply = await this.#orDied(request);
    if (reply.status !== 'ok') {
      throw new SessionStartFailed(String(reply.reason));
    }
    this.#assigned = true;
    this.#startedAt = new Date();
    return readAssigned(reply);
  }

  async resume(calculationId: string, code: string): Promise<CalculationOutcome> {
    this.#running = calculationId;
    // Requests are taken in turn: whatever an earlier server sent has been run, and its spool closed, when this is answered.
    await this.ready().catch(() => undefined);
    this.#endRunning();
    const outcome = await readOutcome(this.identity.folder, calculationId);
    return outcome ?? (await this.run(calculationId, code));
  }

  /** Marks it as the session's that an earlier server made it. */
  adopt(sessionId: string): void {
    this.#sessionId = sessionId;
    this.#assigned = true;
  }

  async run(calculationId: string, code: string): Promise<CalculationOutcome> {
    if (this.#running !== undefined) {
      throw new Error(`Driver ${this.identity.driverId} runs calculation ${this.#running}`);
    }
    this.#running = calculationId;
    const reply = this.#orDied(
      this.#shell.request({
        type: 'execute_request',
        content: { code, silent: false, store_history: true, allow_stdin: false, stop_on_error: false },
        metadata: { calculation_id: calculationId },
      }),
    );
    const startedAt = new Date();
    const answer = await reply.catch((error: Error) => error);
    this.#endRunning();
    if (this.#stopping !== undefined) {
      throw new DriverDied((await this.exited).reason); // the spool goes with the folder
    }
    return await outcomeOf(this.identity.folder, calculationId, answer, startedAt);
  }

  progress(): Promise<number | undefined> {
    return this.#questions.progress();
  }

  async interrupt(calculationId: string): Promise<void> {
    if (this.#running !== calculationId || !this.alive) {
      return;
    }
    // Counted from the first time: whoever asks again does not put it off.
    this.#interruptDeadline ??= setTimeout(() => {
      this.#force(`The calculation did not stop within ${this.#interruptGraceMs / 1000} s, so its driver was ended`);
    }, this.#interruptGraceMs);
    const content = { calculation_id: calculationId };
    // The reply only says that it was heard; a driver that dies meanwhile has stopped, too.
    await this.#control.request({ type: 'interrupt_request', content }).catch(() => undefined);
  }

  async executors(): Promise<readonly ExecutorInfo[]> {
    return (
      (await this.#questions.executors()) ?? [
        { executorId: 'driver', type: 'COORDINATOR', state: 'REGISTERED', startedAt: this.#startedAt },
      ]
    );
  }

  jobs(since: Date, until: Date): Promise<readonly SparkJob[]> {
    return this.#questions.jobs(since, until);
  }

  renewCredentials(credentials: SessionCredentials): Promise<boolean> {
    return this.#questions.renewCredentials(credentials);
  }

  sparkConnect(): Promise<SparkConnectAddress> {
    return this.#questions.sparkConnect();
  }

  sparkUi(): Promise<SparkUiAddress> {
    return this.#questions.sparkUi();
  }

  working(): Promise<boolean> {
    return this.#questions.working();
  }

  async discardOtherSpools(kept: readonly string[]): Promise<void> {
    await removeOtherSpools(this.identity.folder, kept);
  }

  openSpool(calculationId: string): string {
    return openSpoolFolder(this.identity.folder, calculationId);
  }

  async discardSpool(calculationId: string): Promise<void> {
    await removeSpool(this.identity.folder, calculationId);
  }

  /** Ends it by force, for taking more than it may. @param because one sentence */
  end(because: string): void {
    this.#force(because);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Lets go of the process without ending it. */
  detach(): void {
    clearTimeout(this.#interruptDeadline);
    this.#disconnect();
  }

  /** Nothing runs any more, nor has to be ended by force. */
  #endRunning(): void {
    this.#running = undefined;
    clearTimeout(this.#interruptDeadline);
    this.#interruptDeadline = undefined;
  }

  async #stop(): Promise<void> {
    if (this.alive && this.#assigned) {
      this.#control.request({ type: 'shutdown_request', content: { restart: false } }).catch(() => undefined);
      await this.#gone(SHUTDOWN_MS);
      await killDriver(this.identity);
      await this.#gone(SEEN_MS); // and its logs are out of its folder
    }
    await removeDriver(this.identity, this.#logger);
    await this.exited;
  }

  async #keepLogs(): Promise<void> {
    if (this.#sessionId === undefined || this.#keptLogs === undefined) return;
    await keepLogs(this.identity.folder, this.#keptLogs, this.#sessionId).catch((error: unknown) =>
      this.#logger.error({ err: error, sessionId: this.#sessionId }, 'The logs of a session could not be kept'),
    );
  }

  /** Waits until the process has gone, or so long. */
  async #gone(milliseconds: number): Promise<void> {
    const enough = new AbortController();
    await Promise.race([this.exited, sleep(milliseconds, undefined, { signal: enough.signal })]);
    enough.abort();
  }

  #force(because: string): void {
    if (this.alive) {
      this.#forcedBecause = because;
      void killDriver(this.identity);
    }
  }

  #disconnect(): void {
    this.#shell.close();
    this.#control.close();
  }

  /** The reply, or DriverDied when there will be none. */
  async #orDied<T>(reply: Promise<T>): Promise<T> {
    reply.catch(() => undefined);
    const died = this.exited.then(({ reason }) => {
      throw new DriverDied(reason);
    });
    died.catch(() => undefined);
    return Promise.race([reply.catch(() => died), died]);
  }
}
