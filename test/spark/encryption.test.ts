import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { GetSessionCommand, StartSessionCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { locateRuntime, runtimeFolder } from '../../src/runtime/runtime.ts';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { cleanEnvironment, newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { type SparkCluster, startJava, startSparkCluster } from '../support/spark-cluster.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';
import { documentedSamples } from './documented-samples.ts';

/** Executors reach the driver here, which listens on 127.0.0.1: what they say passes the test. */
const DRIVER_HOST = '127.0.0.2';
const { sparkProperties, samples, shell } = documentedSamples('encryption.md');
const SECRET = `cluster-secret-${randomUUID()}`;

/** What would hide a text without encrypting it, off; spills after few rows; blocks of other executors come by the wire. */
const PLAIN_SIGHT = {
  'spark.broadcast.compress': 'false',
  'spark.dynamicAllocation.minExecutors': '2',
  // Executors live for seconds: what the JIT compiler would take, they need themselves.
  'spark.executor.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  'spark.executor.memory': '512m',
  'spark.shuffle.compress': 'false',
  'spark.shuffle.readHostLocalDisk': 'false',
  'spark.shuffle.service.enabled': 'true',
  'spark.shuffle.spill.compress': 'false',
  'spark.shuffle.spill.numElementsForceSpillThreshold': '10000',
  'spark.sql.adaptive.enabled': 'false',
  'spark.sql.inMemoryColumnarStorage.compressed': 'false',
};

/** A cluster with a server before it, and relays on the three ways between its processes. */
interface WatchedCluster extends AsyncDisposable {
  readonly cluster: SparkCluster;
  readonly server: TestServer;
  /** Tasks, their results and heartbeats. */
  readonly driverRpc: TcpRelay;
  /** Broadcast data. */
  readonly driverBlocks: TcpRelay;
  /** Shuffled data, which each worker serves for its executors. */
  readonly shuffle: TcpRelay;
}

async function startWatched(
  daemons: Record<string, string>,
  operator: Record<string, string>,
): Promise<WatchedCluster> {
  await using opened = new AsyncDisposableStack();
  // Bound for a moment, for a port that is free.
  const servicePort = await startTcpRelay('127.0.0.1', () => 0).then(async (probe) => {
    await probe[Symbol.asyncDispose]();
    return probe.port;
  });
  const service = { 'spark.shuffle.service.enabled': 'true', 'spark.shuffle.service.port': String(servicePort) };
  const cluster = opened.use(
    await startSparkCluster({ workers: [{ cores: 2 }], properties: { ...service, ...daemons } }),
  );
  const driverRpc = opened.use(await startTcpRelay(DRIVER_HOST, (port) => port));
  const driverBlocks = opened.use(await startTcpRelay(DRIVER_HOST, (port) => port));
  const shuffle = opened.use(await startTcpRelay('127.0.0.1', () => servicePort));
  const home = newHome();
  const ofOperator = {
    ...PLAIN_SIGHT,
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.driver.blockManager.port': String(driverBlocks.port),
    'spark.driver.host': DRIVER_HOST,
    'spark.driver.port': String(driverRpc.port),
    // These sessions read no S3: nothing to send to the executors first.
    'spark.executor.extraClassPath': join(locateRuntime().jars, '*'),
    'spark.shuffle.service.port': String(shuffle.port),
    ...operator,
  };
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ sparkProperties: ofOperator }), { mode: 0o600 });
  const server = await startTestServer({ 'spark-master': cluster.master, 'cores-per-dpu': '1' }, home);
  opened.defer(() => server.remove());
  const all = opened.move();
  return { cluster, server, driverRpc, driverBlocks, shuffle, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Shuffles, spills, keeps on disk, broadcasts and collects rows that hold the marker, on two executors. */
function secretWork(marker: string): string {
  return `import glob, os, time
from pyspark import StorageLevel
from pyspark.sql import functions as F

while sc._jsc.sc().getExecutorMemoryStatus().size() < 3:
    time.sleep(0.1)

def look(rows):
    """Runs while the sort that feeds it reads its spill files, which are gone when it ends."""
    next(rows)
    folders = os.environ["SPARK_LOCAL_DIRS"].split(",")
    spills = [file for folder in folders for file in glob.glob(f"{folder}/**/temp_local_*", recursive=True)]
    yield len(spills) > 0, any(b"${marker}" in open(file, "rb").read() for file in spills)

# More than the sockets to Python hold: the sort that feeds it must not have ended when it looks.
rows = spark.range(0, 100000, 1, 2).select("id", F.concat(F.lit("${marker}-"), F.rpad("id", 200, ".")).alias("text"))
shuffled = rows.repartition(2, "id")
print(sorted(set(shuffled.sortWithinPartitions("text").rdd.mapPartitions(look).collect())))
kept = shuffled.persist(StorageLevel.DISK_ONLY)
few = rows.where("id % 5000 = 0")
print(len(kept.join(F.broadcast(few), "id").collect()))`;
}

interface Seen {
  /** Of the spill files: whether there were any, whether one held the marker. */
  readonly spills: string;
  /** Kinds of files in the executors' local folder, and those of them that hold the marker. */
  readonly kinds: readonly string[];
  readonly readableKinds: readonly string[];
  readonly readableWires: readonly string[];
}

async function watch(on: WatchedCluster, properties: Record<string, string>): Promise<Seen & { sessionId: string }> {
  const marker = `MARKER-${randomUUID()}`;
  const sessionId = await startSession(on.server, properties);
  expect(await waitForSession(on.server, sessionId, ['IDLE', 'FAILED'])).toMatchObject({ State: 'IDLE' });
  const { stdout, stderr } = await run(on.server, sessionId, secretWork(marker));
  expect(stderr).toBe('');
  const [spills = '', joined] = stdout.trim().split('\n');
  expect(joined).toBe('20');
  const files = filesBelow(on.cluster.localFolder);
  const wires = { driverRpc: on.driverRpc, driverBlocks: on.driverBlocks, shuffle: on.shuffle };
  for (const wire of Object.values(wires)) expect(wire.bytes).toBeGreaterThan(0);
  return {
    sessionId,
    spills,
    kinds: kindsOf(files),
    readableKinds: kindsOf(files.filter((file) => readFileSync(file).includes(marker))),
    readableWires: Object.keys(wires).filter((name) => wires[name as keyof typeof wires].saw(marker)),
  };
}

/** For two executors. */
async function startSession(server: TestServer, SparkProperties: Record<string, string>): Promise<string> {
  const EngineConfiguration = { MaxConcurrentDpus: 3, SparkProperties };
  const reply = await server.athena.send(new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration }));
  return reply.SessionId as string;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** `shuffle_0_1_0.data` -> `shuffle.data`, `rdd_12_0` -> `rdd`. */
function kindsOf(files: readonly string[]): string[] {
  const kinds = files.map((file) => basename(file).replace(/^([a-z]+)_[\d_]+/, '$1'));
  return [...new Set(kinds.filter((kind) => /^(rdd|shuffle\.data)/.test(kind)))].sort();
}

async function end(on: WatchedCluster, SessionId: string): Promise<void> {
  await on.server.athena.send(new TerminateSessionCommand({ SessionId }));
  await until(async () => (await on.cluster.activeApplications()).length === 0, 30_000);
}

describe('without the properties', () => {
  test('what is shuffled, spilled, kept, broadcast and collected is read in the files and on the wire', async () => {
    await using plain = await startWatched({}, {});
    expect(await watch(plain, {})).toMatchObject({
      spills: '[(True, True)]',
      kinds: ['rdd', 'shuffle.data'],
      readableKinds: ['rdd', 'shuffle.data'],
      readableWires: ['driverRpc', 'driverBlocks', 'shuffle'],
    });
  });
});

describe('on a cluster with a secret', () => {
  const authenticated = { 'spark.authenticate': 'true', 'spark.authenticate.secret': SECRET };
  let watched: WatchedCluster;
  let stranger: TestServer;
  let strangersSession: string;

  beforeAll(async () => {
    watched = await startWatched({ ...authenticated, 'spark.network.crypto.enabled': 'true' }, authenticated);
    stranger = await startTestServer({ 'spark-master': watched.cluster.master });
    // Spark goes on asking a master for a minute: what became of it is looked at in the last test.
    strangersSession = await startSession(stranger, { ...authenticated, 'spark.authenticate.secret': 'another' });
  });
  afterAll(async () => {
    await stranger?.remove();
    await watched?.[Symbol.asyncDispose]();
  });

  test('spark.network.crypto.enabled closes the wire, and the wire alone', async () => {
    const seen = await watch(watched, { 'spark.network.crypto.enabled': 'true' });
    expect(seen).toMatchObject({
      spills: '[(True, True)]',
      readableKinds: ['rdd', 'shuffle.data'],
      readableWires: [],
    });
    await end(watched, seen.sessionId);
  });

  test("AWS's three properties together leave nothing to read, and the secret shows nowhere", async () => {
    const seen = await watch(watched, sparkProperties);
    expect(seen).toMatchObject({
      spills: '[(True, False)]',
      kinds: ['rdd', 'shuffle.data'],
      readableKinds: [],
      readableWires: [],
    });
    const { EngineConfiguration } = await watched.server.athena.send(
      new GetSessionCommand({ SessionId: seen.sessionId }),
    );
    expect(EngineConfiguration?.SparkProperties).toEqual(sparkProperties);
    const read = await run(watched.server, seen.sessionId, `print(sc.getConf().get("spark.authenticate.secret"))`);
    expect(read.stdout).toBe(`${SECRET}\n`); // it is there to be shown
    expect(watched.server.log()).not.toContain(SECRET);
    const drivers = join(watched.server.home, 'drivers');
    expect(filesBelow(drivers).filter((file) => file.endsWith('.log')).length).toBeGreaterThan(0);
    expect(
      filesBelow(drivers).filter((file) => !file.includes('/spool/') && readFileSync(file).includes(SECRET)),
    ).toEqual([]);
    expect(commandLines().filter((line) => line.includes('CoarseGrainedExecutorBackend')).length).toBeGreaterThan(0);
    expect(commandLines().filter((line) => line.includes(SECRET))).toEqual([]);
  });

  test('executors, workers and sessions with another secret or none are refused', async () => {
    const intruder = watched.cluster.startWorker({
      cores: 1,
      properties: { 'spark.authenticate.secret': 'another', 'spark.shuffle.service.enabled': 'false' },
    });
    const [withAnother, withNone] = await Promise.all([
      tryExecutor(watched, { 'spark.authenticate': 'true', 'spark.network.crypto.enabled': 'true' }, 'another'),
      tryExecutor(watched, {}, undefined),
    ]);
    expect(withAnother).toMatch(REFUSED);
    expect(withNone).toContain(
      'Expected SaslMessage, received something else (maybe your client does not have SASL enabled?)',
    );
    await until(() => intruder.log().includes('Retrying connection to master (attempt # 1)'), 60_000);
    expect(intruder.log()).toMatch(REFUSED);
    expect(await watched.cluster.workersRegistered()).toBe(1);
    const refused = await waitForSession(stranger, strangersSession, ['IDLE', 'FAILED']);
    expect(refused).toMatchObject({
      State: 'FAILED',
      StateChangeReason: expect.stringMatching(
        /^All masters are unresponsive! Giving up\. spark:\S+ does not answer, or spark\.authenticate/,
      ),
    });
  });
});

/** An executor of one's own, sent to the session's driver. @returns what it says until it ends */
async function tryExecutor(
  { server, driverRpc }: WatchedCluster,
  properties: Record<string, string>,
  secret: string | undefined,
): Promise<string> {
  const log = join(server.home, `executor-${randomUUID()}.log`);
  const output = openSync(log, 'a');
  const child = startJava(
    Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ['org.apache.spark.executor.CoarseGrainedExecutorBackend']
      .concat('--driver-url', `spark://CoarseGrainedScheduler@${DRIVER_HOST}:${driverRpc.port}`)
      .concat('--executor-id', '99', '--hostname', '127.0.0.1', '--cores', '1')
      .concat('--app-id', 'intruder', '--resourceProfileId', '0'),
    { cwd: server.home, output, environment: secret === undefined ? {} : { _SPARK_AUTH_SECRET: secret } },
  );
  closeSync(output);
  await until(() => child.exitCode !== null, 60_000);
  return readFileSync(log, 'utf8');
}

/** What Spark's client says of another secret: at its first attempt, and at the second unless the connection is cut before it is told why. */
const REFUSED = /New auth protocol failed, trying SASL|Mismatched response/;

/** Of all processes of this machine that this user may look at. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // ended meanwhile
      }
    });
}

describe('in a session of one process', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => await server?.remove());

  test('every sample of the page', async () => {
    const sessionId = JSON.parse(await runShell(server, shell[0] as string)).SessionId;
    expect(await waitForSession(server, sessionId, ['IDLE', 'FAILED'])).toMatchObject({ State: 'IDLE' });
    expect(samples).toHaveLength(2);
    for (const { code, prints } of samples) {
      expect(await run(server, sessionId, code)).toMatchObject({ stdout: prints, stderr: '' });
    }
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  });

  test('without the properties its last sample reads the text', async () => {
    const sessionId = await startIdleSession(server);
    expect(await run(server, sessionId, samples[1]?.code ?? '')).toMatchObject({ stdout: 'True True\n', stderr: '' });
  });
});

/** Runs a block of the page as it is printed, with the AWS CLI of the clients' environment. */
async function runShell(server: TestServer, script: string): Promise<string> {
  const path = `${join(runtimeFolder(), 'clients', 'bin')}:${process.env.PATH}`;
  const env = { ...cleanEnvironment(), ...server.environment, AWS_PAGER: '', PATH: path };
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { env });
  return stdout;
}
