import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSessionCommand, ListExecutorsCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { eventsIn } from '../support/logs.ts';
import { allOutside, WHO_AM_I } from '../support/processes.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { type SparkCluster, startSparkCluster } from '../support/spark-cluster.ts';

const GONE_WITHIN_MILLIS = 30_000;
const RESULTS = 'aws-athena-query-results-123456789012-us-east-1';

/** AWS's, with a warehouse of files: this server runs no catalog. */
const ICEBERG = {
  'spark.sql.catalog.spark_catalog': 'org.apache.iceberg.spark.SparkSessionCatalog',
  'spark.sql.catalog.spark_catalog.catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
  'spark.sql.catalog.spark_catalog.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
  'spark.sql.catalog.spark_catalog.warehouse': 's3://lake/warehouse',
  'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
};

let tools: string;
let cluster: SparkCluster;
let server: TestServer;

beforeAll(async () => {
  cluster = await startSparkCluster({ workers: [{ cores: 4 }] });
  tools = mkdtempSync(join(tmpdir(), 'parthenon-workers-'));
  // The workers' Python, which lies elsewhere than the drivers'.
  const python = join(tools, 'python');
  writeFileSync(python, `#!/bin/sh\nexport WORKERS_PYTHON=yes\nexec ${locateRuntime().python} "$@"\n`, { mode: 0o755 });
  const sparkProperties = {
    'spark.pyspark.python': python,
    'spark.executor.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  };
  const home = newHome();
  writeFileSync(join(home, 'settings.json'), JSON.stringify({ sparkProperties }));
  server = await startTestServer({ 'spark-master': cluster.master, 'cores-per-dpu': '1' }, home);
});
afterAll(async () => {
  await server?.remove();
  await cluster?.[Symbol.asyncDispose]();
  if (tools) rmSync(tools, { recursive: true });
});

test('jobs, Python, S3 and a table format run on executors, never more than MaxConcurrentDpus has room for', {
  timeout: 400_000,
}, async () => {
  const SparkProperties = {
    ...ICEBERG,
    'spark.sql.shuffle.partitions': '2',
    // More than its DPUs make: lowered to two executors.
    'spark.cores.max': '4',
    'spark.dynamicAllocation.maxExecutors': '4',
  };
  const SessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 3, SparkProperties } });
  const [application] = await cluster.activeApplications();
  expect(application?.name).toBe(`Athena session ${SessionId}`);
  const { stdout, stderr } = await run(
    server,
    SessionId,
    `import os, time
from pyspark.sql import functions as F

def busy(number):
    time.sleep(1)
    return number * number
print(sc.parallelize(range(12), 12).map(busy).sum())
print(sc.applicationId)

@F.udf("string")
def python_of_workers(number):
    return os.environ.get("WORKERS_PYTHON")
print(os.environ.get("WORKERS_PYTHON"), spark.range(4).select(python_of_workers("id")).first()[0])

import boto3
for bucket in ("data", "lake"):
    boto3.client("s3").create_bucket(Bucket=bucket)
spark.range(1000).write.parquet("s3://data/range")
print(spark.read.parquet("s3a://data/range").agg(F.sum("id")).first()[0])

spark.sql("CREATE DATABASE fleet")
spark.sql("CREATE TABLE fleet.cars (id BIGINT) USING iceberg")
spark.sql("INSERT INTO fleet.cars SELECT id FROM range(10)")
print(spark.sql("SELECT count(*), sum(id) FROM fleet.cars").first()[:])
executors = sc._jsc.sc().statusStore().executorList(False)
print(executors.size() - 1)`,
  );
  expect({ stdout, stderr }).toEqual({
    stdout: `506\n${application?.id}\nNone yes\n499500\n(10, 45)\n2\n`,
    stderr: '',
  });
  const { ExecutorsSummary } = await server.athena.send(new ListExecutorsCommand({ SessionId }));
  expect(ExecutorsSummary?.map(({ ExecutorType }) => ExecutorType).sort()).toEqual(['COORDINATOR', 'WORKER', 'WORKER']);
  for (const executor of ExecutorsSummary ?? []) {
    expect(executor).toMatchObject({ ExecutorState: 'REGISTERED', ExecutorSize: 1, StartDateTime: expect.any(Number) });
  }
  expect((await cluster.activeApplications())[0]?.cores).toBe(2);
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
  await until(async () => (await cluster.activeApplications()).length === 0, GONE_WITHIN_MILLIS);
  await waitForSession(server, SessionId, ['TERMINATED']);
  await expectAccountOfExecutors(SessionId);
  await expectEventLog(SessionId, application?.id ?? '');
});

/** The log bears the session's id, and the cluster's among its properties; executors are in it though they may be older than the log. */
async function expectEventLog(SessionId: string, applicationId: string): Promise<void> {
  const prefix = `sessions/${SessionId}/logs/`;
  const events = () => eventsIn(server.s3, RESULTS, SessionId, prefix);
  const named = async (name: string) => (await events()).filter(({ Event }) => Event === `SparkListener${name}`);
  await until(async () => (await named('ApplicationEnd')).length > 0, GONE_WITHIN_MILLIS);
  expect(await named('ApplicationStart')).toMatchObject([{ 'App ID': SessionId }]);
  const [environment] = await named('EnvironmentUpdate');
  expect(environment?.['Spark Properties']).toMatchObject({ 'spark.app.id': applicationId });
  const added = (await named('ExecutorAdded')).map((event) => event['Executor ID']);
  expect([...new Set(added)].sort()).toEqual(['0', '1']);
}

/** What ended sessions show of their executors, and that their DPUs are those executors' times. */
async function expectAccountOfExecutors(SessionId: string): Promise<void> {
  const { ExecutorsSummary = [] } = await server.athena.send(new ListExecutorsCommand({ SessionId }));
  expect(ExecutorsSummary).toHaveLength(3);
  const times = ExecutorsSummary.map(({ ExecutorState, StartDateTime = 0, TerminationDateTime = 0 }) => {
    expect(ExecutorState).toBe('TERMINATED');
    return TerminationDateTime - StartDateTime;
  });
  const { Statistics } = await server.athena.send(new GetSessionCommand({ SessionId }));
  expect(Statistics?.DpuExecutionInMillis).toBe(times.reduce((sum, millis) => sum + millis, 0));
}

test('the application of a driver that was killed leaves the cluster', async () => {
  const sessionId = await startIdleSession(server);
  const [pid = 0] = allOutside((await run(server, sessionId, WHO_AM_I)).stdout);
  const names = async () => (await cluster.activeApplications()).map(({ name }) => name);
  expect(await names()).toContain(`Athena session ${sessionId}`);
  process.kill(pid, 'SIGKILL');
  await until(async () => !(await names()).includes(`Athena session ${sessionId}`), GONE_WITHIN_MILLIS);
  expect(await waitForSession(server, sessionId, ['FAILED'])).toMatchObject({ State: 'FAILED' });
});

test('a session whose application the master removes is FAILED with the reason, and what it ran keeps its output', async () => {
  const sessionId = await startIdleSession(server);
  const [application] = await cluster.activeApplications();
  const code = `import time
print("begun")
while not sc._jsc.sc().isStopped():
    time.sleep(0.1)
time.sleep(3)
spark.range(3).count()`;
  const calculation = await startCalculation(server, sessionId, code);
  await until(async () => (await sessionState(server, sessionId)) === 'BUSY', GONE_WITHIN_MILLIS);
  await cluster.removeApplication(application?.id as string);
  const ended = await waitForCalculation(server, calculation);
  expect(ended).toMatchObject({ Status: { State: 'FAILED' }, stdout: 'begun\n' });
  expect(ended.stderr).toContain('Cannot call methods on a stopped SparkContext');
  const { StateChangeReason } = await waitForSession(server, sessionId, ['FAILED']);
  expect(StateChangeReason).toMatch(
    /^The session's SparkContext was stopped by Spark itself: Master removed our application/,
  );
});

test('code that stops its own SparkContext keeps its session, and may make another', async () => {
  const sessionId = await startIdleSession(server);
  await run(server, sessionId, 'spark.stop()');
  const code = `import time
time.sleep(3)
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(3).count())`;
  expect(await run(server, sessionId, code)).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: '3\n' });
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
});
