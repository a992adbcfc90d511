import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { until } from './server.ts';

const START_TIMEOUT_MILLIS = 90_000;
const STOP_TIMEOUT_MILLIS = 15_000;

/** What Spark 3.5 opens of Java 17 for itself; its launcher adds it to executors, and nobody to daemons started by hand. */
const OPENED = ['java.lang.invoke', 'java.nio', 'java.util', 'sun.nio.ch'];

export interface SparkClusterOptions {
  /** Cores of each worker; one worker of 4 cores unless told. */
  readonly workers?: readonly { readonly cores: number }[];
  /** Spark properties of master and workers. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** An application as the master's own page shows it. */
export interface ClusterApplication {
  readonly id: string;
  readonly name: string;
  readonly cores: number;
  readonly state: string;
}

/** A standalone Spark cluster of this machine, every part a process of its own. */
export interface SparkCluster extends AsyncDisposable {
  /** `spark://127.0.0.1:…`, for PARTHENON_SPARK_MASTER. */
  readonly master: string;
  /** Where executors keep shuffled and spilled data. */
  readonly localFolder: string;
  /** Applications that have a driver now. */
  activeApplications(): Promise<readonly ClusterApplication[]>;
  workersRegistered(): Promise<number>;
  /** Removes an application, as the button on the master's page does. */
  removeApplication(id: string): Promise<void>;
  /** Starts one more worker, which need not be let in; its properties come on top of the cluster's. */
  startWorker(worker: { cores: number; properties?: Readonly<Record<string, string | undefined>> }): SparkDaemon;
  /** What the master has logged so far. */
  masterLog(): string;
}

export interface SparkDaemon {
  readonly process: ChildProcess;
  log(): string;
}

/** Starts a master and its workers on loopback, on free ports, from PySpark's own jars. @throws when they do not come up */
export async function startSparkCluster(options: SparkClusterOptions = {}): Promise<SparkCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-cluster-'));
  const localFolder = join(folder, 'local');
  mkdirSync(localFolder);
  const daemons: SparkDaemon[] = [];
  const start = (name: string, className: string, properties: Properties, args: readonly string[]) => {
    const daemon = startDaemon(join(folder, name), localFolder, className, properties, args);
    daemons.push(daemon);
    return daemon;
  };
  const dispose = async () => {
    await Promise.all(daemons.reverse().map(stop));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const properties = options.properties ?? {};
    const master = start('master', 'master.Master', properties, ['--port', '0']);
    const address = await logged(master, /Starting Spark master at (spark:\S+)/);
    const page = await logged(master, /MasterWebUI .*started at (http:\S+)/);
    const state = async () => (await (await fetch(`${page}/json/`)).json()) as MasterState;
    const cluster: SparkCluster = {
      master: address,
      localFolder,
      activeApplications: async () => (await state()).activeapps,
      workersRegistered: async () => (await state()).aliveworkers,
      removeApplication: async (id) => {
        const body = new URLSearchParams({ id, terminate: 'true' });
        await fetch(`${page}/app/kill/`, { method: 'POST', body, redirect: 'manual' });
      },
      startWorker: ({ cores, properties: own }) => {
        const args = ['--cores', String(cores), '--memory', '4g', '--port', '0', address];
        return start(`worker-${daemons.length}`, 'worker.Worker', { ...properties, ...own }, args);
      },
      masterLog: () => master.log(),
      [Symbol.asyncDispose]: dispose,
    };
    const workers = (options.workers ?? [{ cores: 4 }]).map((worker) => cluster.startWorker(worker));
    await until(async () => (await cluster.workersRegistered()) === workers.length, START_TIMEOUT_MILLIS);
    return cluster;
  } catch (error) {
    await dispose();
    throw error;
  }
}

type Properties = Readonly<Record<string, string | undefined>>;

interface MasterState {
  readonly aliveworkers: number;
  readonly activeapps: readonly ClusterApplication[];
}

/** Starts one of Spark's classes in a folder of its own, with the environment of nobody. */
function startDaemon(
  folder: string,
  localFolder: string,
  className: string,
  properties: Properties,
  args: readonly string[],
): SparkDaemon {
  mkdirSync(folder);
  const [logFile, propertiesFile] = [join(folder, 'log'), join(folder, 'spark.properties')];
  writeFileSync(propertiesFile, propertiesText(properties), { mode: 0o600 });
  const descriptor = openSync(logFile, 'a');
  const common = ['--host', '127.0.0.1', '--webui-port', '0', '--properties-file', propertiesFile];
  const workDir = className.startsWith('worker.') ? ['--work-dir', join(folder, 'work')] : [];
  const child = startJava(
    ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
    [`org.apache.spark.deploy.${className}`, ...common, ...workDir, ...args],
    { cwd: folder, output: descriptor, environment: { SPARK_LOCAL_DIRS: localFolder } },
  );
  closeSync(descriptor);
  return { process: child, log: () => readFileSync(logFile, 'utf8') };
}

/** Starts Java with Spark's own jars as the class path. */
export function startJava(
  options: readonly string[],
  command: readonly string[],
  how: { cwd: string; output: number; environment?: NodeJS.ProcessEnv },
): ChildProcess {
  const { java, sparkHome } = locateRuntime();
  const javaHome = dirname(dirname(java));
  const opened = OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  return spawn(java, [...opened, ...options, '-cp', join(sparkHome, 'jars', '*'), ...command], {
    cwd: how.cwd,
    // Executors inherit a worker's.
    env: {
      PATH: [join(javaHome, 'bin'), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
      HOME: how.cwd,
      LANG: 'C.UTF-8',
      JAVA_HOME: javaHome,
      SPARK_HOME: sparkHome,
      // As bin/load-spark-env.sh says it: a worker does not start an executor without.
      SPARK_SCALA_VERSION: '2.12',
      SPARK_LOCAL_IP: '127.0.0.1',
      ...how.environment,
    },
    stdio: ['ignore', how.output, how.output],
  });
}

function propertiesText(properties: Properties): string {
  return Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

async function logged(daemon: SparkDaemon, what: RegExp): Promise<string> {
  await until(() => what.test(daemon.log()) || daemon.process.exitCode !== null, START_TIMEOUT_MILLIS);
  const found = what.exec(daemon.log())?.[1];
  if (found === undefined) throw new Error(`Spark's daemon did not start: ${daemon.log()}`);
  return found;
}

/** A worker ends its executors when it is asked to end. */
async function stop({ process: child }: SparkDaemon): Promise<void> {
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  if (ended()) return;
  child.kill('SIGTERM');
  await until(ended, STOP_TIMEOUT_MILLIS).catch(() => child.kill('SIGKILL'));
}
