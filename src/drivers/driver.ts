/**
 * What the domain sees of a driver: the process of one session (an ipykernel Jupyter kernel with the Spark driver JVM
 * under it). This room owns the processes and their folders; it knows no HTTP and no SQL.
 */

import type { StartKind } from '../happenings.ts';

/** Enough to find a driver again after a restart of the server, and to be sure that it is still the same process. */
export interface DriverIdentity {
  readonly driverId: string;
  readonly pid: number;
  /** The process's start time in clock ticks since boot (`/proc/<pid>/stat`, field 22): tells a recycled pid. */
  readonly startTicks: string;
  /** Absolute path of the driver's folder: connection file, sockets, spool, logs. */
  readonly folder: string;
  /** What its ZeroMQ sockets' paths begin with. Beside the row, not in the folder, where the session's code can write. */
  readonly sockets: string;
}

/** What the processes of one driver take together. */
export interface DriverUsage {
  readonly driverId: string;
  /** A session's, or waiting in the pool. */
  readonly role: 'session' | 'pool';
  readonly memoryBytes: number;
  /** Since it was launched. */
  readonly cpuSeconds: number;
}

/** Drivers that wait for a session, by how far they are: with a SparkContext, with a JVM, on the way there. */
export interface PoolCensus {
  readonly size: number;
  readonly hot: number;
  readonly warm: number;
  readonly warming: number;
}

/** Keys by which a session's code reaches S3; never in the driver's environment. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that end, as the time is. */
  readonly sessionToken?: string;
  readonly expiresAt?: Date;
}

/** Everything that turns a driver into a session. */
export interface SessionAssignment {
  readonly sessionId: string;
  readonly workGroup: string;
  /** Spark properties after precedence and rules (server < workgroup < session); all names begin with `spark.`. */
  readonly sparkProperties: Readonly<Record<string, string>>;
  /** `local[n]`, `spark://…`, … */
  readonly sparkMaster: string;
  /** Whether Spark writes an event log, for its History Server. */
  readonly eventLog: boolean;
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly pathStyle: boolean;
    readonly credentials: SessionCredentials;
  };
}

/** How a calculation ended. Its spool folder is closed when this is known. */
export interface CalculationOutcome {
  readonly calculationId: string;
  readonly status: 'ok' | 'error' | 'interrupted';
  /** For `error`: the exception's class and text, e.g. `NameError` and `name 'foobar' is not defined`. */
  readonly errorName?: string;
  readonly errorValue?: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** The folder with `stdout`, `stderr` and `result.json`. */
  readonly spoolFolder: string;
}

/** Why a driver is no more. */
export interface DriverExit {
  /** Asked for by `stop()`. */
  readonly expected: boolean;
  /** One sentence and the tail of the driver's log, for StateChangeReason. */
  readonly reason: string;
}

export interface ExecutorInfo {
  readonly executorId: string;
  readonly type: 'COORDINATOR' | 'WORKER';
  readonly state: 'CREATING' | 'CREATED' | 'REGISTERED' | 'TERMINATING' | 'TERMINATED' | 'FAILED';
  readonly startedAt: Date;
  readonly endedAt?: Date;
}

export interface SparkJob {
  readonly jobId: number;
  /** Spark's: what was called, and where. */
  readonly name: string;
  /** `SUCCEEDED`, `FAILED`, `RUNNING`, … */
  readonly status: string;
  readonly submittedAt: Date;
  /** Unset while it runs. */
  readonly endedAt: Date | undefined;
  readonly group: string | undefined;
  readonly stages: number;
  readonly tasks: number;
}

/** Where a session's Spark Connect listens on the loopback interface, and what it wants to be told with every call. */
export interface SparkConnectAddress {
  readonly port: number;
  readonly secret: string;
}

/** Where a session's Spark UI listens on the loopback interface, and what both sides tell each other with every request. */
export interface SparkUiAddress {
  readonly port: number;
  /** `x-parthenon-secret` of each request. */
  readonly secret: string;
  /** `x-parthenon-proof` of each answer: another process may have got the port meanwhile. */
  readonly proof: string;
}

export interface Driver {
  readonly identity: DriverIdentity;
  /** What the session was made of; undefined for a driver that an earlier server left. */
  readonly startedFrom: StartKind | undefined;
  /** Resolves when the process has gone, however it went; never rejects. */
  readonly exited: Promise<DriverExit>;
  /**
   * Runs code; resolves when its spool folder is closed.
   * A calculation whose output could not be kept (a full disk) ends as `error`; its folder may then lack files.
   * @throws DriverDied when the driver goes before the calculation has ended
   */
  run(calculationId: string, code: string): Promise<CalculationOutcome>;
  /**
   * As `run`, for code that an earlier server has sent, or was about to: waits for what the driver is at, and runs the code
   * only if it never came there.
   * @throws DriverDied
   */
  resume(calculationId: string, code: string): Promise<CalculationOutcome>;
  /** Progress of the Spark jobs of the running calculation, 0..100; undefined when nothing runs or is known. */
  progress(): Promise<number | undefined>;
  /** Interrupts the running calculation (Python code and Spark jobs); harmless when that one is not running. */
  interrupt(calculationId: string): Promise<void>;
  executors(): Promise<readonly ExecutorInfo[]>;
  /** Spark jobs of the session that were submitted between the two, newest first, a hundred at most; none when it does not answer. */
  jobs(since: Date, until: Date): Promise<readonly SparkJob[]>;
  /** Gives the session other keys, also while its code runs. @returns whether it has them */
  renewCredentials(credentials: SessionCredentials): Promise<boolean>;
  /**
   * Starts Spark Connect in the session's JVM if it does not run yet; also while a calculation runs.
   * @throws SparkConnectFailed in one sentence, DriverDied
   */
  sparkConnect(): Promise<SparkConnectAddress>;
  /**
   * Makes the session's Spark UI, if its SparkContext has none yet; also while a calculation runs.
   * @throws SparkUiFailed in one sentence, DriverDied
   */
  sparkUi(): Promise<SparkUiAddress>;
  /** Whether anything runs in the session beside calculations: jobs, streaming queries, queries of Spark Connect's clients. */
  working(): Promise<boolean>;
  /** The folder into which a calculation that runs puts what it puts out; another when it has ended. */
  openSpool(calculationId: string): string;
  /** Removes a calculation's spool folder, once its contents are in S3. */
  discardSpool(calculationId: string): Promise<void>;
  /** Removes the spool folders of all calculations but these. */
  discardOtherSpools(kept: readonly string[]): Promise<void>;
  /**
   * Ends the driver and everything under it, politely and then by force, and removes its folder, but for its logs. What cannot be removed is
   * logged and left to `sweepOrphans`. Idempotent; never rejects.
   */
  stop(): Promise<void>;
}

/** Starting a session failed for a reason that its user can act on; `message` is one sentence (Spark's own where there is one). */
export class SessionStartFailed extends Error {
  override readonly name = 'SessionStartFailed';
}

/** Spark Connect cannot be had in this session; `message` is one sentence. */
export class SparkConnectFailed extends Error {
  override readonly name = 'SparkConnectFailed';
}

/** There is no Spark UI of this session; `message` is one sentence. */
export class SparkUiFailed extends Error {
  override readonly name = 'SparkUiFailed';
}

export class DriverDied extends Error {
  override readonly name = 'DriverDied';
  /**
   * The folder with `stdout`, `stderr` and an empty `result.json`: what the calculation had put out until then. It goes
   * with the driver's folder, at `stop()`; undefined when that was called, and when there was no calculation.
   */
  readonly spoolFolder: string | undefined;

  constructor(reason: string, spoolFolder?: string) {
    super(reason);
    this.spoolFolder = spoolFolder;
  }
}

/** Where drivers come from. */
export interface Drivers {
  /**
   * Takes a driver from the pool (or starts one) and makes it the session's.
   * `onClaimed` is awaited before anything of the session reaches the driver, so that intent is persisted first.
   * @throws SessionStartFailed
   */
  start(assignment: SessionAssignment, onClaimed: (identity: DriverIdentity) => Promise<void>): Promise<Driver>;
  /** Whether a driver waits that can be a session's in a moment. */
  oneIsWarm(): boolean;
  /**
   * Comes back to a session's driver that an earlier server left, or undefined: it is not that very process any more, or
   * does not answer.
   */
  reattach(identity: DriverIdentity, sessionId: string): Promise<Driver | undefined>;
  /** Ends a driver left by an earlier server, if that very process still lives, and removes its folder but for its logs. */
  reap(identity: DriverIdentity, sessionId: string): Promise<void>;
  /** Ends every driver in the pool, and any process or folder of drivers that nobody owns; `owned` are left alone. */
  sweepOrphans(owned: readonly DriverIdentity[]): Promise<void>;
  pool(): PoolCensus;
  /** Memory and processor time of every driver that lives, read now. */
  usage(): Promise<readonly DriverUsage[]>;
  /** Drains the pool; sessions' drivers are not touched. */
  close(): Promise<void>;
}
