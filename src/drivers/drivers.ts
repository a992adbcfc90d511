import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  type Driver,
  DriverDied,
  type DriverIdentity,
  type Drivers,
  type DriverUsage,
  type PoolCensus,
  type SessionAssignment,
  SessionStartFailed,
} from './driver.ts';
import { Demand } from './demand.ts';
import { createDriverFolder, type LaunchInstructions, openDriverFolder } from './driver-folder.ts';
import { killDriver, removeDriver } from './end-driver.ts';
import { keepLogs } from './kept-logs.ts';
import { launchDriver, watchDriver } from './launch.ts';
import { Pool } from './pool.ts';
import { type Span, spanned } from '../spans.ts';
import { goesBySubmit } from '../spark-properties/start.ts';
import { holdsContext, type Profile, profileOf } from './profile.ts';
import { marked, markedProcesses, setNiceness, startTicks } from './processes.ts';
import type { Assigned } from './replies.ts';
import { type Limits, LimitWatch } from './limits.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import { SparkDriver } from './spark-driver.ts';
import { usageOf } from './usage.ts';

const DRIVER_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const POOL_NICENESS = 15;
const DEFAULT_INTERRUPT_GRACE_MS = 30_000;

export interface DriversOptions {
  /** Paths of the Python interpreter and of the java binary. */
  readonly python: string;
  readonly java: string;
  /** PySpark's package folder. */
  readonly sparkHome: string;
  /** Jars beside PySpark's own: hadoop-aws and what it needs. */
  readonly jars: readonly string[];
  /** What keeps drivers from each other and from the server; undefined for nothing. */
  readonly sandbox: Sandbox | undefined;
  /** What each session may take. */
  readonly limits: Limits;
  /**
   * Where the packages of all sessions are kept (`spark.jars.packages`); absolute, made when it is needed. Null for a cache of
   * each session's own: docs/decisions/0092-packages-of-a-session.md
   */
  readonly ivyCache: string | null;
  /** Where driver folders lie; this server's alone. */
  readonly folder: string;
  /** Where sockets go when `folder` is too long a path for them; a folder of the user's under the system's temporary one unless told. */
  readonly socketFolder?: string;
  /** Warm drivers that wait; 0 for none. */
  readonly poolSize: number;
  /** Whether another driver may wait now; unless told it always may. */
  readonly memoryAllows?: () => boolean;
  /** What a session has that asks for nothing: the pool prepares for it until it has seen others. */
  readonly standard: Pick<SessionAssignment, 'sparkProperties' | 'sparkMaster'>;
  /** Classes that Java need not read again, made by set-up; null where there are none. */
  readonly classData: string | null;
  /** How long a driver may take until it is a session. */
  readonly startTimeoutMs: number;
  /** How long an interrupted calculation may take to stop before its driver is ended by force. */
  readonly interruptGraceMs?: number;
  /** Where the logs of sessions that have ended go, absolute; unless told they go with the driver's folder. */
  readonly keptLogs?: string;
  readonly logger: Logger;
}

/** Starts to fill the pool at once. */
export function createDrivers(options: DriversOptions): Drivers {
  return new SparkDrivers(options);
}

class SparkDrivers implements Drivers {
  readonly #options: DriversOptions;
  readonly #pool: Pool;
  readonly #limitWatch: LimitWatch;
  /** Ids of this server's life, from before their folder is made until their process has gone. */
  readonly #ours = new Set<string>();
  /** Not in the pool any more. */
  readonly #sessions = new Set<SparkDriver>();

  constructor(options: DriversOptions) {
    this.#options = options;
    this.#limitWatch = new LimitWatch(options.limits, () => [...this.#sessions], options.logger);
    this.#pool = new Pool(
      options.poolSize,
      new Demand(profileOf(options.standard.sparkProperties, options.standard.sparkMaster)),
      (profile) => this.#launchForPool(profile),
      (driver) => this.#setNiceness(driver, 0),
      () => [...this.#sessions].some((driver) => driver.isRunning),
      options.memoryAllows ?? (() => true),
      options.logger,
    );
    this.#pool.fill();
  }

  async start(assignment: SessionAssignment, onClaimed: (identity: DriverIdentity) => Promise<void>): Promise<Driver> {
    const began = performance.now();
    const profile = profileOf(assignment.sparkProperties, assignment.sparkMaster);
    const taken = this.#pool.take(profile);
    try {
      const driver = taken?.driver ?? (await spanned('driver launch', {}, () => this.#launch(launchFor(profile))));
      const waited = driver.isReady;
      const stages = await this.#assign(driver, assignment, taken?.contextFits ?? false, onClaimed);
      const from = waited ? (taken?.contextFits ? 'hot' : 'warm') : taken ? 'warming' : 'fresh';
      driver.startedFrom = from;
      const millis = Math.round(performance.now() - began);
      const { sessionId } = assignment;
      this.#options.logger.info(
        { sessionId, driverId: driver.identity.driverId, from, millis, stages },
        'driver assigned',
      );
      return driver;
    } finally {
      this.#pool.started();
    }
  }

  async #assign(
    driver: SparkDriver,
    assignment: SessionAssignment,
    contextFits: boolean,
    onClaimed: (identity: DriverIdentity) => Promise<void>,
  ): Promise<Assigned['stages']> {
    this.#sessions.add(driver);
    this.#limitWatch.start();
    void driver.exited.then(() => this.#sessions.delete(driver));
    try {
      if (!driver.isReady) {
        this.#setNiceness(driver, 0);
        await driver.hurry();
      }
      await spanned('record CREATED', {}, () => onClaimed(driver.identity));
      return await spanned('driver assign', {}, async (span) => {
        const sentAt = Date.now();
        const assigned = await this.#withinStartTimeout(driver.assign(assignment, contextFits));
        tellStages(span, sentAt, assigned);
        return assigned.stages;
      });
    } catch (error) {
      await driver.stop();
      if (error instanceof DriverDied) {
        throw new SessionStartFailed(error.message.split('\n', 1)[0]);
      }
      throw error;
    }
  }

  oneIsWarm(): boolean {
    return this.#pool.oneIsWarm;
  }

  async reattach(identity: DriverIdentity, sessionId: string): Promise<Driver | undefined> {
    const { driverId, pid } = identity;
    // A row of before this was built names no sockets.
    if (!isSame(identity) || typeof identity.sockets !== 'string') return undefined;
    const { interruptGraceMs = DEFAULT_INTERRUPT_GRACE_MS, keptLogs, logger } = this.#options;
    try {
      const folder = await openDriverFolder(identity);
      const driver = new SparkDriver(folder, watchDriver(identity), interruptGraceMs, keptLogs, logger);
      this.#ours.add(driverId);
      this.#sessions.add(driver);
      this.#limitWatch.start();
      void driver.exited.then(() => {
        this.#ours.delete(driverId);
        this.#sessions.delete(driver);
      });
      await driver.answers();
      driver.adopt(sessionId);
      logger.info({ driverId, pid }, 'back at a driver of an earlier server');
      return driver;
    } catch (error) {
      logger.warn({ err: error, driverId, pid }, 'no way back to a driver of an earlier server');
      return undefined;
    }
  }

  async reap(identity: DriverIdentity, sessionId: string): Promise<void> {
    const { pid, driverId, folder } = identity;
    const same = isSame(identity);
    const { keptLogs, logger } = this.#options;
    logger.info({ driverId, pid, alive: same }, 'reaping a driver of an earlier server');
    // A process that has only got the same id, after a restart of the machine say, is nobody of ours. What carries the mark is,
    // and may have outlived its driver.
    const left = same ? identity : { driverId, folder };
    await killDriver(left);
    if (keptLogs !== undefined) {
      await keepLogs(folder, keptLogs, sessionId).catch((error: unknown) =>
        logger.error({ err: error, sessionId }, 'The logs of a session could not be kept'),
      );
    }
    await removeDriver(left, logger);
  }

  async sweepOrphans(owned: readonly DriverIdentity[]): Promise<void> {
    const kept = new Set([...owned.map(({ driverId }) => driverId), ...this.#ours]);
    const root = path.resolve(this.#options.folder);
    const processes = markedProcesses().filter(({ folder }) => path.dirname(path.resolve(folder)) === root);
    const folders = await readdir(root).catch(() => []);
    const found = new Set([...processes.map(({ driverId }) => driverId), ...folders]);
    for (const driverId of found) {
      if (DRIVER_ID.test(driverId) && !kept.has(driverId)) {
        this.#options.logger.info({ driverId }, 'removing a driver that nobody owns');
        await removeDriver({ driverId, folder: path.join(root, driverId) }, this.#options.logger);
      }
    }
  }

  pool(): PoolCensus {
    return this.#pool.census();
  }

  async usage(): Promise<readonly DriverUsage[]> {
    const all = [
      ...[...this.#sessions].map((driver) => ({ driver, role: 'session' as const })),
      ...this.#pool.drivers.map((driver) => ({ driver, role: 'pool' as const })),
    ].filter(({ driver }) => driver.alive);
    const found = await usageOf(all.map(({ driver }) => driver.identity.pid));
    return all.flatMap(({ driver, role }) => {
      const { driverId, pid } = driver.identity;
      const usage = found.get(pid);
      return usage === undefined ? [] : [{ driverId, role, ...usage }];
    });
  }

  async close(): Promise<void> {
    this.#limitWatch.close();
    await this.#pool.close();
    for (const driver of this.#sessions) {
      driver.detach();
    }
  }

  async #launchForPool(profile: Profile): Promise<SparkDriver> {
    const held = holdsContext(profile) ? { master: profile.master, properties: profile.context } : null;
    const driver = await this.#launch({ ...launchFor(profile), warm: true, held });
    this.#setNiceness(driver, POOL_NICENESS);
    return driver;
  }

  async #launch(how: Pick<LaunchInstructions, 'jvmProperties' | 'warm' | 'held'>): Promise<SparkDriver> {
    const { folder, socketFolder, interruptGraceMs = DEFAULT_INTERRUPT_GRACE_MS, keptLogs, logger } = this.#options;
    const driverId = randomUUID();
    this.#ours.add(driverId);
    try {
      const instructions = { ...this.#options, ...how, sandboxed: this.#options.sandbox !== undefined };
      const made = await createDriverFolder(driverId, path.resolve(folder), socketFolder, instructions);
      const driver = new SparkDriver(
        made,
        await launchDriver(made, this.#options, this.#options.sandbox),
        interruptGraceMs,
        keptLogs,
        logger,
      );
      void driver.exited.then(() => this.#ours.delete(driverId));
      return driver;
    } catch (error) {
      this.#ours.delete(driverId);
      // It may run already.
      await removeDriver({ driverId, folder: path.join(folder, driverId) }, logger);
      throw error;
    }
  }

  #setNiceness(driver: SparkDriver, niceness: number): void {
    const { driverId } = driver.identity;
    const pids = markedProcesses().filter((each) => each.driverId === driverId);
    setNiceness(
      pids.map(({ pid }) => pid),
      niceness,
    );
  }

  async #withinStartTimeout<Result>(assigned: Promise<Result>): Promise<Result> {
    const { startTimeoutMs } = this.#options;
    const enough = new AbortController();
    const late = sleep(startTimeoutMs, undefined, { signal: enough.signal }).then(() => {
      throw new SessionStartFailed(`The Spark driver did not start within ${startTimeoutMs / 1000} s`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([assigned, late]);
    } finally {
      enough.abort();
    }
  }
}

/** The driver's stages as children of its assignment, after what it was still at when that came. */
function tellStages(span: Span, sentAt: number, { stages, begunAt }: Assigned): void {
  let at = begunAt?.getTime() ?? sentAt;
  span.past('driver: until it listens', sentAt, at);
  for (const [stage, millis] of Object.entries(stages)) {
    span.past(`driver: ${stage}`, at, at + millis);
    at += millis;
  }
}

/** For a session that waits: nothing but what it needs. */
function launchFor(profile: Profile): Pick<LaunchInstructions, 'jvmProperties' | 'warm' | 'held'> {
  return { jvmProperties: goesBySubmit(profile.master) ? null : profile.jvm, warm: false, held: null };
}

/** Whether that very process still lives: a process id alone may be another's by now. */
function isSame({ pid, driverId, startTicks: ticks }: DriverIdentity): boolean {
  return startTicks(pid) === ticks && marked(pid)?.driverId === driverId;
}
