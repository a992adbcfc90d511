import { StartSessionCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ cores: '4', 'cores-per-dpu': '1' });
});
afterAll(async () => await server?.remove());

/** What Spark itself made of the properties: plans, partitions, the JVM's own figures. */
const LOOK = `import json
from pyspark.sql import functions as F
import pandas

def plan(frame):
    return frame._jdf.queryExecution().executedPlan().toString()

jvm = sc._jvm
env = jvm.org.apache.spark.SparkEnv.get()
numbers = spark.range(1000)
joined = plan(numbers.join(spark.range(10), "id"))
with open("lines.txt", "w") as file:
    file.write("0123456789abcde\\n" * 40960)
beans = jvm.java.lang.management.ManagementFactory.getGarbageCollectorMXBeans()
print(json.dumps({
    "master": sc.master,
    "parallelism": sc.defaultParallelism,
    "partitions": numbers.groupBy((F.col("id") % 10).alias("n")).count().rdd.getNumPartitions(),
    "adaptive": "AdaptiveSparkPlan" in joined,
    "join": [name for name in ("BroadcastHashJoin", "SortMergeJoin") if name in joined],
    "serializer": env.serializer().getClass().getSimpleName(),
    "heap": jvm.Runtime.getRuntime().maxMemory() >> 20,
    "option": jvm.System.getProperty("tuned"),
    "collectors": [bean.getName() for bean in beans],
    "time": spark.sql("SELECT string(timestamp_seconds(0))").first()[0],
    "files": spark.read.text("lines.txt").rdd.getNumPartitions(),
    "arrow": "LocalTableScan" in plan(spark.createDataFrame(pandas.DataFrame({"a": [1, 2]}))),
    "pandas": numbers.toPandas()["id"].sum().item(),
}))`;

async function lookInto(MaxConcurrentDpus: number, SparkProperties: Record<string, string>) {
  const SessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus, SparkProperties } });
  const { stdout, stderr } = await run(server, SessionId, LOOK);
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('what nobody sets is as Spark has it, within MaxConcurrentDpus', async () => {
  expect(await lookInto(3, {})).toMatchObject({
    master: 'local[2]',
    parallelism: 2,
    partitions: 1, // 200, coalesced while it runs
    adaptive: true,
    join: ['BroadcastHashJoin'],
    serializer: 'JavaSerializer',
    heap: 1024,
    option: null,
    files: 1,
    arrow: false,
    pandas: 499500,
  });
});

test('each property is seen in a plan, a count or the JVM', async () => {
  const tuned = await lookInto(5000, {
    'spark.default.parallelism': '5',
    'spark.driver.extraJavaOptions': '-Dtuned=yes -XX:+UseSerialGC',
    'spark.driver.memory': '700m',
    'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
    'spark.sql.adaptive.enabled': 'false',
    'spark.sql.autoBroadcastJoinThreshold': '-1',
    'spark.sql.execution.arrow.pyspark.enabled': 'true',
    'spark.sql.files.maxPartitionBytes': '65536',
    'spark.sql.files.openCostInBytes': '0',
    'spark.sql.session.timeZone': 'America/New_York',
    'spark.sql.shuffle.partitions': '7',
  });
  expect(tuned).toMatchObject({
    master: 'local[4]', // no more than the server allows
    parallelism: 5,
    partitions: 7,
    adaptive: false,
    join: ['SortMergeJoin'],
    serializer: 'KryoSerializer',
    option: 'yes',
    collectors: ['Copy', 'MarkSweepCompact'],
    time: '1969-12-31 19:00:00',
    files: 10,
    arrow: true,
    pandas: 499500,
  });
  // Serial collection counts one of the two survivor spaces out.
  expect(tuned.heap).toBeGreaterThan(600);
  expect(tuned.heap).toBeLessThanOrEqual(700);
});

test.each([
  ['a number', { 'spark.task.cpus': 'many' }, /many/],
  ['a class', { 'spark.serializer': 'no.such.Serializer' }, /^ClassNotFoundException: no\.such\.Serializer$/],
  ['a memory size', { 'spark.driver.memory': 'lots' }, /lots/],
  ['a key size', { 'spark.io.encryption.enabled': 'true', 'spark.io.encryption.keySizeBits': '100' }, /keySizeBits/],
  ['two properties', { 'spark.network.crypto.enabled': 'true', 'spark.authenticate': 'false' }, /spark\.authenticate/],
])("a session with %s that Spark refuses is FAILED with Spark's own sentence", async (_, SparkProperties, sentence) => {
  const EngineConfiguration = { MaxConcurrentDpus: 2, SparkProperties };
  const { SessionId } = await server.athena.send(
    new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration }),
  );
  const status = await waitForSession(server, SessionId as string, ['IDLE', 'FAILED']);
  expect(status).toMatchObject({ State: 'FAILED', StateChangeReason: expect.stringMatching(sentence) });
  expect(status.StateChangeReason).not.toMatch(/\n|\bat org\.apache|Traceback/);
});

test('a codec, which Spark looks for at the first job, fails that', async () => {
  const SparkProperties = { 'spark.io.compression.codec': 'none-such' };
  const sessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties } });
  const { Status } = await run(server, sessionId, 'spark.range(10).count()');
  expect(Status).toMatchObject({
    State: 'FAILED',
    StateChangeReason: expect.stringContaining('none-such'),
  });
});
