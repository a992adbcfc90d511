import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sessionState, startCalculation, startIdleSession, waitForCalculation } from '../support/calculations.ts';
import { startOwnS3 } from '../support/own-s3.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { ADMINISTRATOR, REGION, startS3Server } from '../wire/s3/s3-server.ts';

const SMALL = { 'spark.sql.shuffle.partitions': '2', 'spark.databricks.delta.snapshotPartitions': '2' };
const ICEBERG = {
  'spark.sql.catalog.lake': 'org.apache.iceberg.spark.SparkCatalog',
  'spark.sql.catalog.lake.catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
  'spark.sql.catalog.lake.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
  'spark.sql.catalog.lake.warehouse': 's3://lake/warehouse',
};
const DELTA = {
  'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
  'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
};
const ICEBERG_EXTENSIONS = 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions';

/** Has no catalog; for the other it stands for the user's own S3, known by endpoint and keys alone. */
let storage: TestServer;
let server: TestServer;

beforeAll(async () => {
  const own = await startOwnS3();
  storage = own.storage;
  server = await startTestServer({ catalog: 'on', ...own.settings });
});
afterAll(async () => {
  await server?.remove();
  await storage?.remove();
});

/** Runs code in a new session of a server; its results are in `storage` either way. */
async function answerOf(on: TestServer, properties: Record<string, string>, code: string): Promise<string> {
  const EngineConfiguration = { MaxConcurrentDpus: 2, SparkProperties: { ...SMALL, ...ICEBERG, ...properties } };
  const session = await startIdleSession(on, { EngineConfiguration });
  const calculation = await startCalculation(on, session, code);
  await until(async () => (await sessionState(on, session)) !== 'BUSY', 400_000);
  const { Status, stdout, stderr } = await waitForCalculation({ ...on, s3: storage.s3 }, calculation);
  expect({ state: Status?.State, stderr }).toEqual({ state: 'COMPLETED', stderr: '' });
  return stdout;
}

/** Creates a table, changes it and reads it. */
const core = (table: string, format: string) => `
spark.sql("CREATE TABLE ${table} (id BIGINT, city STRING) USING ${format}")
spark.sql("INSERT INTO ${table} VALUES (1, 'Athens'), (2, 'Berlin')")
spark.sql("UPDATE ${table} SET city = 'Patras' WHERE id = 1")
print([tuple(row) for row in spark.table("${table}").orderBy("id").collect()])`;
const CHANGED = "[(1, 'Patras'), (2, 'Berlin')]\n";

async function keysUnder(prefix: string): Promise<string[]> {
  const { Contents } = await storage.s3.send(new ListObjectsV2Command({ Bucket: 'lake', Prefix: prefix }));
  return (Contents ?? []).map(({ Key }) => Key ?? '');
}

test('Iceberg and Delta on an S3 of the user’s own', { timeout: 400_000 }, async () => {
  const printed = await answerOf(
    server,
    {
      ...DELTA,
      'spark.sql.extensions': `${DELTA['spark.sql.extensions']},${ICEBERG_EXTENSIONS}`,
    },
    `import boto3
boto3.client("s3").create_bucket(Bucket="lake")
spark.sql("CREATE DATABASE lake.fleet")
spark.sql("CREATE DATABASE shop LOCATION 's3://lake/shop.db'")
${core('lake.fleet.cars', 'iceberg')}
${core('shop.sales', 'delta')}
%status`,
  );
  expect(printed.startsWith(CHANGED + CHANGED)).toBe(true);
  expect(printed).toContain('Catalog lake: type=hive stands for org.apache.iceberg.aws.glue.GlueCatalog\n');
  expect(await keysUnder('warehouse/fleet.db/cars/metadata/')).not.toEqual([]);
  expect((await keysUnder('shop.db/sales/_delta_log/0')).filter((key) => key.endsWith('.json'))).toHaveLength(3);
});

test('Iceberg on a server without a catalog', { timeout: 400_000 }, async () => {
  const printed = await answerOf(
    storage,
    { 'spark.sql.extensions': ICEBERG_EXTENSIONS, 'spark.sql.catalog.lake.warehouse': 's3://lake/files' },
    `import boto3
boto3.client("s3").create_bucket(Bucket="lake")
${core('lake.fleet.cars', 'iceberg')}
print(spark.conf.get("spark.sql.catalog.lake.type"))`,
  );
  expect(printed).toBe(`${CHANGED}hadoop\n`);
  expect(await keysUnder('files/fleet/cars/metadata/version-hint.text')).toHaveLength(1);
});

test('Delta on an S3 that ignores conditions fails at once and says what to set', { timeout: 400_000 }, async () => {
  await using ignorant = await startS3Server();
  const { store } = ignorant;
  const check = store.checkBucketAndCondition.bind(store);
  store.checkBucketAndCondition = async (name, _condition, database) => await check(name, {}, database);
  const client = await startTestServer({
    's3-endpoint': ignorant.endpoint,
    's3-access-key-id': ADMINISTRATOR.accessKeyId,
    's3-secret-access-key': ADMINISTRATOR.secretAccessKey,
  });
  try {
    const session = await startIdleSession(client, {
      EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: { ...SMALL, ...DELTA } },
    });
    const calculation = await startCalculation(
      client,
      session,
      `import boto3
boto3.client("s3").create_bucket(Bucket="lake")
try:
    spark.range(3).write.format("delta").save("s3://lake/table")
except Exception as error:
    assert "set spark.delta.logStore.s3.impl" in str(error), error
    log = boto3.client("s3").list_objects_v2(Bucket="lake", Prefix="table/_delta_log/")["Contents"]
    print([found["Key"] for found in log if not found["Key"].endswith("/")])`,
    );
    await until(async () => (await sessionState(client, session)) !== 'BUSY', 400_000);
    const s3 = new S3Client({
      endpoint: ignorant.endpoint,
      region: REGION,
      forcePathStyle: true,
      credentials: ADMINISTRATOR,
    });
    const { stdout, stderr } = await waitForCalculation({ ...client, s3 }, calculation);
    expect({ stdout, stderr }).toEqual({ stdout: '[]\n', stderr: '' });
  } finally {
    await client.remove();
  }
});
