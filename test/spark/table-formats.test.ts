import { TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, sessionState, startCalculation, startIdleSession, waitForCalculation } from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { documentedSamples } from './documented-samples.ts';

const PAGE = 'table-formats.md';

/** A table of a few rows in 200 partitions would only show how busy the machine is. */
const SMALL = { 'spark.sql.shuffle.partitions': '2', 'spark.databricks.delta.snapshotPartitions': '2' };
/** Of JOL, by which Hudi measures objects. */
const HUDI_WARNING = /^# WARNING: Unable to .*\n/gm;
const ENCRYPTION = {
  'spark.authenticate': 'true',
  'spark.io.encryption.enabled': 'true',
  'spark.network.crypto.enabled': 'true',
};

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ catalog: 'on' });
});
afterAll(async () => await server?.remove());

async function startWith(properties: Readonly<Record<string, string>>): Promise<string> {
  const SparkProperties = { ...SMALL, ...properties };
  return await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties } });
}

async function end(SessionId: string): Promise<void> {
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
}

async function runAll(sessionId: string, samples: readonly { code: string; prints: string }[]): Promise<void> {
  expect(samples.length).toBeGreaterThan(0);
  for (const { code, prints } of samples) {
    const { Status, stdout, stderr } = await runLong(sessionId, code);
    const printed = stdout.replaceAll(HUDI_WARNING, '').trim();
    expect({ state: Status?.State, stderr, stdout: printed }).toEqual({
      state: 'COMPLETED',
      stderr: '',
      stdout: prints.trim(),
    });
  }
}

/** A format's first statements load thousands of classes, which takes minutes where the cores are shared. */
async function runLong(sessionId: string, code: string) {
  const calculation = await startCalculation(server, sessionId, code);
  await until(async () => (await sessionState(server, sessionId)) !== 'BUSY', 400_000);
  return await waitForCalculation(server, calculation);
}

/** Tables of Spark's own formats beside those of the session's catalog. */
function plainTables(database: string) {
  const code = `for format in ("parquet", "csv", "json", "orc"):
    spark.sql(f"CREATE TABLE ${database}.plain_{format} (a INT, b STRING) USING {format}")
    spark.sql(f"INSERT INTO ${database}.plain_{format} VALUES (1, 'x'), (2, 'y')")
    print(format, spark.sql(f"SELECT sum(a), max(b) FROM ${database}.plain_{format}").first()[:])
`;
  return { code, prints: ['parquet', 'csv', 'json', 'orc'].map((format) => `${format} (3, 'y')`).join('\n') };
}

describe('Iceberg', () => {
  const { sparkProperties, samples } = documentedSamples(PAGE, 'Iceberg');
  let first: string;

  test("AWS's properties and every sample of the page", { timeout: 600_000 }, async () => {
    first = await startWith(sparkProperties);
    await runAll(first, [...samples, plainTables('iceberg_demo')]);
  });

  test('a second session, encrypted, reads the table; both write it at once', { timeout: 600_000 }, async () => {
    const second = await startWith({ ...sparkProperties, ...ENCRYPTION });
    const reading = await run(
      server,
      second,
      `print(spark.conf.get("spark.io.encryption.enabled"), spark.table("iceberg_demo.trips").count())`,
    );
    expect(reading).toMatchObject({ stdout: 'true 3\n', stderr: '' });
    const writers = await Promise.all(
      [first, second].map((session, writer) => startCalculation(server, session, insertFive(100 * (writer + 1)))),
    );
    for (const writer of writers) expect(await waitForCalculation(server, writer)).toMatchObject({ stdout: '5\n' });
    const { stdout } = await run(
      server,
      second,
      `spark.sql("REFRESH TABLE iceberg_demo.trips")
print(spark.sql("SELECT count(*), count(DISTINCT id) FROM iceberg_demo.trips WHERE id >= 100").first()[:])
print(spark.sql("SELECT count(*) FROM iceberg_demo.trips.snapshots WHERE operation = 'append'").first()[0])`,
    );
    expect(stdout).toBe('(10, 10)\n10\n');
    await end(second);
  });

  test('a catalog of another name, in another place', { timeout: 300_000 }, async () => {
    await end(first);
    const prefix = 'spark.sql.catalog.lake';
    const session = await startWith({
      [prefix]: 'org.apache.iceberg.spark.SparkCatalog',
      [`${prefix}.catalog-impl`]: 'org.apache.iceberg.aws.glue.GlueCatalog',
      [`${prefix}.io-impl`]: 'org.apache.iceberg.aws.s3.S3FileIO',
      [`${prefix}.warehouse`]: 's3://lake/warehouse',
    });
    const { stdout, stderr } = await run(
      server,
      session,
      `import boto3
boto3.client("s3").create_bucket(Bucket="lake")
spark.sql("CREATE DATABASE lake.fleet")
spark.sql("CREATE TABLE lake.fleet.cars (id INT) USING iceberg")
spark.sql("INSERT INTO lake.fleet.cars VALUES (1), (2)")
print(spark.table("lake.fleet.cars").count())
print(spark.sql("SELECT file_path FROM lake.fleet.cars.files").first()[0].rsplit("/", 2)[0])`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '2\ns3://lake/warehouse/fleet.db/cars\n', stderr: '' });
    await end(session);
  });
});

/** Five rows by five commits; a commit that lost against another is made again by Iceberg itself. */
function insertFive(from: number): string {
  return `done = 0
for n in range(${from}, ${from + 5}):
    spark.sql(f"INSERT INTO iceberg_demo.trips VALUES ({n}, 'Athens', 1.0)")
    done += 1
print(done)`;
}

describe.each(['Delta', 'Hudi'])('%s', (format) => {
  test("AWS's properties and every sample of the page", { timeout: 600_000 }, async () => {
    const { sparkProperties, samples } = documentedSamples(PAGE, format);
    const session = await startWith(sparkProperties);
    await runAll(session, [...samples, plainTables(`${format.toLowerCase()}_demo`)]);
    await end(session);
  });

  test('a second session reads the table', { timeout: 300_000 }, async () => {
    const { sparkProperties } = documentedSamples(PAGE, format);
    const session = await startWith(sparkProperties);
    const { stdout } = await run(server, session, `print(spark.table("${format.toLowerCase()}_demo.trips").count())`);
    expect(stdout.replaceAll(HUDI_WARNING, '')).toBe('3\n');
    await end(session);
  });
});

describe('a session without these properties', () => {
  test("is Spark's own: other jars find what they register as ever", { timeout: 300_000 }, async () => {
    const session = await startWith({});
    const { stdout, stderr } = await run(
      server,
      session,
      `print([each.getClass().getSimpleName() for each in sc._jvm.com.fasterxml.jackson.databind.ObjectMapper.findModules()])
print(spark.conf.get("spark.sql.catalog.spark_catalog", "none"), spark.conf.get("spark.sql.extensions", "none"))
spark.range(3).write.saveAsTable("plain")
print(spark.table("plain").count())
try:
    spark.read.format("hudi").load("s3://nowhere/table")
except Exception as error:
    print(type(error).__name__, "DATA_SOURCE_NOT_FOUND" in str(error))`,
    );
    expect({ stdout, stderr }).toEqual({
      stdout: "['JavaTimeModule', 'DefaultScalaModule']\nnone none\n3\nPy4JJavaError True\n",
      stderr: '',
    });
    await end(session);
  });
});
