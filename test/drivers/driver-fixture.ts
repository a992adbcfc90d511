import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type {
  CalculationOutcome,
  Driver,
  DriverIdentity,
  Drivers,
  SessionAssignment,
} from '../../src/drivers/driver.ts';
import { createDrivers, type DriversOptions } from '../../src/drivers/drivers.ts';
import { markedProcesses } from '../../src/drivers/processes.ts';
import { makeSandbox, openSandbox, type SandboxView } from '../../src/drivers/sandbox/sandbox.ts';
import { driverJars, locateRuntime } from '../../src/runtime/runtime.ts';

export const SESSION_ID = '3f1c8a52-5a4b-4b57-9d0e-0d6c1f2f7a11';

/** Drivers over a folder of their own, which goes with them. */
export interface DriversFixture extends AsyncDisposable {
  readonly drivers: Drivers;
  readonly folder: string;
}

export interface FixtureOptions extends Partial<DriversOptions> {
  /** Files and folders of the test's own that sessions may read. */
  readonly readable?: readonly string[];
}

/** Why drivers run without a sandbox here; undefined where they have one, as on a server. */
export const noSandbox: string | undefined = await openSandbox(
  viewOf(join(tmpdir(), 'parthenon-drivers-none'), []),
).then(
  () => undefined,
  (error: Error) => error.message,
);

export function makeDrivers(options: FixtureOptions = {}): DriversFixture {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'parthenon-drivers-'));
  const drivers = createDrivers(optionsFor(folder, options));
  return {
    drivers,
    folder,
    [Symbol.asyncDispose]: async () => {
      await drivers.close();
      // As the next server would: a test that failed has stopped nothing.
      const next = createDrivers(optionsFor(folder, { poolSize: 0 }));
      await next.sweepOrphans([]);
      await next.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function viewOf(folder: string, readable: readonly string[]): SandboxView {
  const runtime = locateRuntime();
  const sharedMemoryBytes = 64 * 1024 ** 2;
  return { ...runtime, jars: driverJars(runtime), readable, hidden: [folder], drivers: folder, sharedMemoryBytes };
}

function optionsFor(folder: string, { readable = [], ...options }: FixtureOptions): DriversOptions {
  const runtime = locateRuntime();
  return {
    python: runtime.python,
    java: runtime.java,
    sparkHome: runtime.sparkHome,
    jars: driverJars(runtime),
    classData: runtime.classData,
    sandbox: noSandbox === undefined ? makeSandbox(viewOf(folder, readable)) : undefined,
    ivyCache: noSandbox === undefined ? null : join(folder, 'ivy'),
    limits: { memoryBytes: 2 ** 34, processes: 8192, diskBytes: 2 ** 36 },
    poolSize: 0,
    standard: { sparkProperties: {}, sparkMaster: 'local[2]' },
    startTimeoutMs: 120_000,
    logger: pino({ level: 'silent' }),
    ...options,
    folder,
  };
}

export function makeAssignment(overrides: Partial<SessionAssignment> = {}): SessionAssignment {
  return {
    sessionId: SESSION_ID,
    workGroup: 'primary',
    sparkProperties: {},
    sparkMaster: 'local[2]',
    eventLog: false,
    s3: {
      endpoint: 'http://127.0.0.1:9',
      region: 'us-east-1',
      pathStyle: true,
      credentials: { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'not-a-secret', sessionToken: 'token' },
    },
    ...overrides,
  };
}

/** One driver, made a session's; stopped with the fixture. */
export async function startDriver(
  options: FixtureOptions = {},
  assignment: Partial<SessionAssignment> = {},
): Promise<DriversFixture & { driver: Driver }> {
  const fixture = makeDrivers(options);
  try {
    const driver = await fixture.drivers.start(makeAssignment(assignment), async () => undefined);
    const dispose = async () => {
      await driver.stop();
      await fixture[Symbol.asyncDispose]();
    };
    return { ...fixture, driver, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await fixture[Symbol.asyncDispose]();
    throw error;
  }
}

export interface Ran {
  readonly outcome: CalculationOutcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: readonly Output[];
}

export interface Output {
  readonly output_type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly ename?: string;
}

let calculations = 0;

export function nextCalculationId(): string {
  calculations += 1;
  return `calculation-${calculations}`;
}

/** Runs code to its end and reads what it put out. */
export async function run(driver: Driver, code: string, calculationId = nextCalculationId()): Promise<Ran> {
  return readRan(await driver.run(calculationId, code));
}

export function readRan(outcome: CalculationOutcome): Ran {
  const read = (name: string) => readFileSync(join(outcome.spoolFolder, name), 'utf8');
  return {
    outcome,
    stdout: read('stdout'),
    stderr: read('stderr'),
    outputs: JSON.parse(read('result.json')).outputs,
  };
}

/** Process ids of everything that a driver started and that still lives. */
export function processesOf(identity: DriverIdentity): number[] {
  return markedProcesses()
    .filter((each) => each.driverId === identity.driverId)
    .map((each) => each.pid);
}

/** The process id of a driver's JVM. */
export function jvmOf(identity: DriverIdentity): number {
  const pid = processesOf(identity).find((each) => readFileSync(`/proc/${each}/comm`, 'utf8').trim() === 'java');
  if (pid === undefined) throw new Error(`Driver ${identity.driverId} has no JVM`);
  return pid;
}

/** Waits for a condition as long as the test may take. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}
