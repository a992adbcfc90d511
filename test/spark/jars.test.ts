import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { type DriversFixture, makeAssignment, makeDrivers, run } from '../drivers/driver-fixture.ts';
import { type FileServer, type Identity, makeIdentity, serveFiles } from '../support/file-server.ts';
import { buildTestJars, writeZip, whichOf } from '../support/jars.ts';
import { until } from '../support/server.ts';
import { ADMINISTRATOR, REGION, type S3Server, SESSION, startS3Server } from '../wire/s3/s3-server.ts';

const REGISTER = `def register(name, function):
    spark._jsparkSession.udf().register(name, function, sc._jvm.org.apache.spark.sql.types.DataTypes.StringType)
`;
const SHOUT = `register("shout", sc._jvm.example.Shout())
print(spark.range(2).selectExpr("shout(concat('row ', id)) AS s").agg({"s": "max"}).first()[0])`;
const COUNTDOWN = `print(sorted(row[0] for row in spark.read.format("example.countdown").option("from", "3").load().collect()))`;

/** Which of the jars' classes a session finds. */
const WHICH = whichOf('example.Shout', 'example.Words', 'example.countdown.DefaultSource');

let folder: string;
let s3: S3Server;
let web: FileServer;
let identity: Identity;
let tls: FileServer;
let drivers: DriversFixture;
const log: string[] = [];
/** A jar that lies on this machine. */
let marker: string;
let withJars: Driver;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-jars-'));
  const logger = pino({}, { write: (line) => log.push(line) });
  drivers = makeDrivers({ poolSize: 1, logger, readable: [folder] });
  const jars = buildTestJars(folder);
  marker = join(folder, 'marker file.jar');
  writeZip(marker, { 'marker.txt': 'here' });
  web = await serveFiles(folder);
  identity = makeIdentity(join(folder, 'identity.p12'));
  tls = await serveFiles(folder, { identity });
  s3 = await startS3Server();
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: ADMINISTRATOR,
  });
  await client.send(new CreateBucketCommand({ Bucket: 'jars' }));
  const put = (Key: string, path: string) =>
    client.send(new PutObjectCommand({ Bucket: 'jars', Key, Body: readFileSync(path) }));
  const there = join(folder, 'there.jar');
  writeZip(there, { 'there.txt': 'in S3' });
  await Promise.all([
    put('there.jar', there),
    put('lib/words-1.jar', jars.words),
    put('late/countdown.jar', jars.countdown),
    put('late/hive.jar', jars.hive),
  ]);
});
afterAll(async () => {
  await drivers?.[Symbol.asyncDispose]();
  await s3?.close();
  await web?.[Symbol.asyncDispose]();
  await tls?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function start(sparkProperties: Readonly<Record<string, string>>, sparkMaster = 'local[2]'): Promise<Driver> {
  const credentials = SESSION;
  const assignment = makeAssignment({
    sparkProperties,
    sparkMaster,
    s3: { endpoint: s3.endpoint, region: REGION, pathStyle: true, credentials },
  });
  return drivers.drivers.start(assignment, async () => undefined);
}

/** So many drivers of the pool have run a SparkContext before any session was known. */
async function warmed(count: number): Promise<void> {
  await until(() => log.filter((line) => line.includes('a pool driver is warm')).length >= count, 120_000);
}

/** Whether the driver's JVM was there before a moment. */
async function startedBefore(driver: Driver, moment: number): Promise<boolean> {
  const { stdout } = await run(
    driver,
    'print(sc._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getStartTime())',
  );
  return Number(stdout) < moment;
}

describe('spark.jars', () => {
  test('a warm driver takes jars from S3, by pattern too, from the web and from this machine', async () => {
    await warmed(1);
    const asked = Date.now();
    withJars = await start({
      'spark.sql.catalogImplementation': 'hive', // functions of Hive's
      'spark.jars': `s3://jars/there.jar, s3a://jars/lib/w*.jar,${web.address}/parthenon-udfs.jar?version=1,${marker}`,
    });
    expect(await startedBefore(withJars, asked)).toBe(true);
    const { stdout, stderr } = await run(
      withJars,
      `${REGISTER}
${SHOUT}
register("greet", sc._jvm.example.Greet())
print(spark.sql("SELECT greet('Ada')").first()[0])
loader = sc._jvm.Thread.currentThread().getContextClassLoader()
print([loader.getResource(name) is not None for name in ("there.txt", "marker.txt")])`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'ROW 1!\nHello, Ada\n[True, True]\n', stderr: '' });
  });

  test('no other session sees them: neither one without nor one with others that starts beside it', async () => {
    await warmed(2);
    const asked = Date.now();
    const [without, other] = await Promise.all([
      start({}),
      start({ 'spark.jars': `${web.address}/parthenon-words.jar` }),
    ]);
    expect([await startedBefore(without, asked), await startedBefore(other, asked)]).toContain(true);
    expect((await run(without, WHICH)).stdout).toBe('[]\n');
    expect((await run(other, WHICH)).stdout).toBe("['example.Words']\n");
    await Promise.all([without.stop(), other.stop()]);
    const { stdout } = await run(withJars, SHOUT);
    expect(stdout).toBe('ROW 1!\n');
  });

  test('ADD JAR brings more into a session that runs', async () => {
    const { stdout, stderr } = await run(
      withJars,
      `spark.sql("ADD JAR 's3a://jars/late/hive.jar'")
spark.sql("CREATE TEMPORARY FUNCTION backwards AS 'example.Backwards'")
print([row[0] for row in spark.sql("SELECT backwards(s) FROM VALUES ('abc'), ('de') AS t(s)").collect()])
spark.sql("ADD JAR 's3://jars/late/countdown.jar'")
${COUNTDOWN}
print(len(spark.sql("LIST JARS").collect()))`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: "['cba', 'ed']\n[1, 2, 3]\n6\n", stderr: '' });
  });

  test.each([
    ['s3://jars/none.jar', 'not found'],
    ['s3a://no-bucket/x.jar', 'the specified bucket does not exist'],
    ['s3://jars/there.jar,WEB/none.jar', 'not found', 'WEB/none.jar'],
    ['http://127.0.0.1:9/x.jar', 'connection refused'],
    ['https://127.0.0.1:9/x.jar', 'connection refused'],
    ['TLS/there.jar', 'unable to find valid certification path to requested target'],
    ['http://nowhere.invalid/x.jar', 'unknown host nowhere.invalid'],
    ['/nowhere/x.jar', 'no such file'],
    ['nothing://x.jar', 'no FileSystem for scheme "nothing"'],
  ])('%s: %s', async (asked, reason, address = asked) => {
    const here = (text: string) => text.replace('WEB', web.address).replace('TLS', tls.address);
    const { stdout } = await run(
      withJars,
      `from pathlib import Path
from parthenon_driver.fetch import Fetcher
try:
    Fetcher(dict(sc.getConf().getAll()), Path("again")).fetch("spark.jars", ${JSON.stringify(here(asked))})
except Exception as error:
    print(error)`,
    );
    expect(stdout).toBe(`spark.jars: ${here(address)} could not be fetched: ${reason}\n`);
  });

  test('a session whose jar is not there does not start, and says which', async () => {
    await expect(start({ 'spark.jars': 's3://jars/none.jar' })).rejects.toThrow(
      'spark.jars: s3://jars/none.jar could not be fetched: not found',
    );
  });
});

describe("a table format of the session's own", () => {
  test('takes the place of the one that is there; a JVM started anew trusts who it is told to', async () => {
    const { jars } = locateRuntime();
    const name = readdirSync(jars).find((each) => each.startsWith('iceberg-spark-runtime')) ?? '';
    const own = join(folder, name);
    copyFileSync(join(jars, name), own);
    const driver = await start({
      'spark.jars': `${own},${tls.address}/parthenon-words.jar`,
      'spark.driver.extraJavaOptions': `-Djavax.net.ssl.trustStore=${identity.file} -Djavax.net.ssl.trustStorePassword=${identity.password}`,
      'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
    });
    const { stdout } = await run(
      driver,
      `loader = sc._jvm.Thread.currentThread().getContextClassLoader()
loaded = sc._jvm.java.lang.Class.forName("org.apache.iceberg.spark.SparkCatalog", True, loader)
print(loaded.getProtectionDomain().getCodeSource().getLocation().getPath())
${WHICH}`,
    );
    expect(stdout).toBe(`${own}\n['example.Words']\n`);
    await driver.stop();
  });

  test('is known by its name', async () => {
    const { stdout } = await run(
      withJars,
      `from parthenon_driver.table_formats import first_jars
jars = ["/j/iceberg-spark-runtime-3.5_2.12-1.10.1.jar", "/j/delta-spark_2.12-3.3.2.jar", "/j/hadoop-aws-3.3.4.jar"]
print(first_jars(jars, {"spark.jars": "s3://jars/iceberg-spark-runtime-3.5_2.12-1.9.0.jar"}))
print(first_jars(jars, {"spark.jars.packages": "io.delta:delta-spark_2.12:3.2.0"}))
print(len(first_jars(jars, {"spark.jars": "s3://jars/udfs.jar"})))`,
    );
    expect(stdout).toBe(
      "['/j/delta-spark_2.12-3.3.2.jar', '/j/hadoop-aws-3.3.4.jar']\n" +
        "['/j/iceberg-spark-runtime-3.5_2.12-1.10.1.jar', '/j/hadoop-aws-3.3.4.jar']\n3\n",
    );
  });
});
