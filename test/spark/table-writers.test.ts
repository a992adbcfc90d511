import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionState, startCalculation, startIdleSession, waitForCalculation } from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

/** Of JOL, by which Hudi measures objects. */
const HUDI_WARNING = /^# WARNING: Unable to .*\n/gm;

/** One session writes all three formats: Delta by the session's catalog, Iceberg by another, Hudi by its writer. */
const PROPERTIES = {
  'spark.sql.shuffle.partitions': '2',
  'spark.databricks.delta.snapshotPartitions': '2',
  'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
  'spark.sql.catalog.lake': 'org.apache.iceberg.spark.SparkCatalog',
  'spark.sql.catalog.lake.catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
  'spark.sql.catalog.lake.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
  'spark.sql.extensions':
    'io.delta.sql.DeltaSparkSessionExtension,org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
  'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
  'spark.kryo.registrator': 'org.apache.spark.HoodieSparkKryoRegistrar',
};

/** A write that counts 1 when it won and 0 when it was refused, the class of which is kept in `lost`. */
const ATTEMPT = `
lost = set()
def attempt(write):
    try:
        write()
        return 1
    except Exception as error:
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        lost.add(cause.getClass().getSimpleName())
        return 0
`;

let server: TestServer;
let sessions: string[];

beforeAll(async () => {
  server = await startTestServer({ catalog: 'on' });
  const EngineConfiguration = { MaxConcurrentDpus: 2, SparkProperties: PROPERTIES };
  sessions = [
    await startIdleSession(server, { EngineConfiguration }),
    await startIdleSession(server, { EngineConfiguration }),
  ];
  await answerOf(`spark.sql("CREATE DATABASE race")`);
}, 300_000);
afterAll(async () => await server?.remove());

/** What the first session prints. */
async function answerOf(code: string): Promise<string> {
  return await printedBy(sessions[0] as string, code);
}

/** What each of two sessions prints of code that both run at the same time; `writer` is 1 or 2. */
async function both(code: (writer: number) => string): Promise<string[]> {
  return await Promise.all(sessions.map(async (session, index) => await printedBy(session, ATTEMPT + code(index + 1))));
}

/** A format's first statements load thousands of classes, which takes minutes where the cores are shared. */
async function printedBy(session: string, code: string): Promise<string> {
  const calculation = await startCalculation(server, session, code);
  await until(async () => (await sessionState(server, session)) !== 'BUSY', 400_000);
  return printed(await waitForCalculation(server, calculation));
}

function printed({ Status, stdout, stderr }: Awaited<ReturnType<typeof waitForCalculation>>): string {
  expect({ state: Status?.State, stderr }).toEqual({ state: 'COMPLETED', stderr: '' });
  return stdout.replaceAll(HUDI_WARNING, '').trim();
}

/** The JSON that each of the two has printed last, its numbers added up member by member. */
function total(outputs: readonly string[]): Record<string, number> {
  const added: Record<string, number> = {};
  for (const output of outputs) {
    const members = Object.entries(JSON.parse(output.split('\n').at(-1) ?? '{}') as Record<string, number>);
    for (const [name, count] of members) added[name] = (added[name] ?? 0) + count;
  }
  return added;
}

describe('two sessions that write one table at once', () => {
  test('Iceberg: a lock whose holder says no more, first', { timeout: 120_000 }, async () => {
    const taking = `spark.sql("CREATE TABLE lake.race.held (n INT) USING iceberg")
jvm = sc._jvm
HiveConf = "org.apache.hadoop.hive.conf.HiveConf"
hive = jvm.org.apache.hadoop.hive.conf.HiveConf(sc._jsc.hadoopConfiguration(), jvm.java.lang.Class.forName(HiveConf))
api = jvm.org.apache.hadoop.hive.metastore.api
component = api.LockComponent(api.LockType.EXCLUSIVE, api.LockLevel.TABLE, "race")
component.setTablename("held")
held = jvm.org.apache.hadoop.hive.metastore.HiveMetaStoreClient(hive).lock(
    api.LockRequest(jvm.java.util.Collections.singletonList(component), "nobody", "nowhere"))
assert held.getState().toString() == "ACQUIRED"`;
    await answerOf(taking);
  });

  test('Delta: a version of the log is one session’s', { timeout: 120_000 }, async () => {
    const versions = 150;
    await answerOf(`import boto3; boto3.client("s3").create_bucket(Bucket="race"); None`);
    const made = await both(
      (writer) => `
import boto3, functools, json, time
Store = functools.reduce(getattr, spark.conf.get("spark.delta.logStore.s3.impl").split("."), sc._jvm)
hadoop = sc._jsc.hadoopConfiguration()
log, Path, lines = Store(hadoop), sc._jvm.org.apache.hadoop.fs.Path, sc._jvm.java.util.Collections.singletonList("${writer}")
write = lambda name: log.write(Path(f"s3://race/_delta_log/{name}.json"), lines.iterator(), False, hadoop)
write("ready-${writer}")
while boto3.client("s3").list_objects_v2(Bucket="race", Prefix="_delta_log/ready-")["KeyCount"] < 2:
    time.sleep(0.01)
won, start = 0, time.time()
for version in range(${versions}):
    time.sleep(max(0, start + version * 0.03 - time.time()))
    won += attempt(lambda: write(f"{version:020}"))
print(lost)
print(json.dumps({"won": won}))`,
    );
    for (const output of made) expect(output).toMatch(/^(set\(\)|\{'FileAlreadyExistsException'\})\n/);
    expect(total(made)).toEqual({ won: versions });
  });

  test('Delta: what was told to have won is there', { timeout: 300_000 }, async () => {
    await answerOf(`spark.sql("CREATE TABLE race.delta (id STRING, n INT) USING delta")
spark.sql("INSERT INTO race.delta VALUES ('shared', 0)")`);
    const { inserts = 0, updates = 0 } = total(
      await both((writer) => writes('race.delta', writer, 3, /^Concurrent|^MetadataChanged|^Protocol/)),
    );
    expect(
      await answerOf(`spark.sql("REFRESH TABLE race.delta")
print(spark.sql("SELECT count(*) - 1, sum(n) FROM race.delta").first()[:])
history = [row.version for row in spark.sql("DESCRIBE HISTORY race.delta").collect()]
print(sorted(history) == list(range(${inserts + updates + 2})))`),
    ).toBe(`(${inserts}, ${updates})\nTrue`);
  });

  test('Iceberg: what was told to have won is there', { timeout: 300_000 }, async () => {
    await answerOf(`spark.sql("CREATE TABLE lake.race.iceberg (id STRING, n INT) USING iceberg")
spark.sql("INSERT INTO lake.race.iceberg VALUES ('shared', 0)")`);
    const { inserts = 0, updates = 0 } = total(
      await both((writer) => writes('lake.race.iceberg', writer, 3, /^ValidationException$|^CommitFailedException$/)),
    );
    expect(
      await answerOf(`spark.sql("REFRESH TABLE lake.race.iceberg")
print(spark.sql("SELECT count(*) - 1, sum(n) FROM lake.race.iceberg").first()[:])
print(spark.table("lake.race.iceberg.snapshots").count())`),
    ).toBe(`(${inserts}, ${updates})\n${inserts + updates + 1}`);
  });

  test('Hudi: what was told to have won is there', { timeout: 400_000 }, async () => {
    const save = (ids: string) => `(spark.createDataFrame([(each, 1) for each in ${ids}], "id STRING, ts INT")
    .write.format("hudi").mode("append").option("hoodie.table.name", "hudi")
    .option("hoodie.datasource.write.recordkey.field", "id").option("hoodie.datasource.write.precombine.field", "ts")
    .save("s3://race/hudi"))`;
    await answerOf(save('["shared"]'));
    const made = await both(
      (writer) => `import json
rows = [each for each in ("${writer}-0", "${writer}-1") if attempt(lambda: ${save('["shared", each]')})]
print(lost)
print(json.dumps(rows))`,
    );
    const rows = made.flatMap((output) => JSON.parse(output.split('\n').at(-1) ?? '[]') as string[]);
    for (const output of made) expect(output).toMatch(/^(set\(\)|\{'ConcurrentModificationException'\})\n/);
    expect(
      await answerOf(
        `print(",".join(sorted(row.id for row in spark.read.format("hudi").load("s3://race/hudi").collect())))`,
      ),
    ).toBe([...rows, 'shared'].sort().join(','));
  });

  test('Iceberg: a lock whose holder says no more is taken away', { timeout: 300_000 }, async () => {
    expect(
      await answerOf(`spark.sql("INSERT INTO lake.race.held VALUES (1)")
print(spark.table("lake.race.held").count())`),
    ).toBe('1');
  });
});

/** Inserts of rows of its own and updates of a row that both write, by turns; tells how many of each have won. */
function writes(table: string, writer: number, rounds: number, refusals: RegExp): string {
  return `import json, re
inserts = updates = 0
for n in range(${rounds}):
    inserts += attempt(lambda: spark.sql(f"INSERT INTO ${table} VALUES ('${writer}-{n}', 0)"))
    updates += attempt(lambda: spark.sql("UPDATE ${table} SET n = n + 1 WHERE id = 'shared'"))
assert all(re.search(r"${refusals.source}", each) for each in lost), lost
print(json.dumps({"inserts": inserts, "updates": updates}))`;
}
