import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAssignment, run, startDriver } from '../drivers/driver-fixture.ts';
import { type FileServer, serveFiles } from '../support/file-server.ts';
import { buildTestJars, writeZip } from '../support/jars.ts';
import { type SparkCluster, startSparkCluster } from '../support/spark-cluster.ts';
import { ADMINISTRATOR, REGION, type S3Server, SESSION, startS3Server } from '../wire/s3/s3-server.ts';

let folder: string;
let s3: S3Server;
let web: FileServer;
let cluster: SparkCluster;
let fixture: Awaited<ReturnType<typeof startDriver>>;

/** One session on a cluster, whose executor is a process of its own. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-files-'));
  const { countdown } = buildTestJars(folder);
  const path = (name: string) => join(folder, name);
  for (const name of ['zipped', 'egg', 'late_zipped']) {
    writeZip(path(name === 'egg' ? 'egg.egg' : `${name}.zip`), { [`${name}/__init__.py`]: `name = "${name}"\n` });
  }
  writeFileSync(path('plain.py'), 'name = "plain"\n');
  writeFileSync(path('late_plain.py'), 'name = "late_plain"\n');
  writeFileSync(path('data.csv'), 'from S3\n');
  writeFileSync(path('late.csv'), 'late from S3\n');
  writeFileSync(path('here.csv'), 'from here\n');
  writeZip(path('things.zip'), { 'inner/thing.txt': 'unpacked' });
  web = await serveFiles(folder);
  s3 = await startS3Server();
  const credentials = ADMINISTRATOR;
  const client = new S3Client({ endpoint: s3.endpoint, region: REGION, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: 'files' }));
  for (const name of ['plain.py', 'data.csv', 'late.csv', 'things.zip', 'late_zipped.zip']) {
    await client.send(new PutObjectCommand({ Bucket: 'files', Key: name, Body: readFileSync(path(name)) }));
  }
  cluster = await startSparkCluster({ workers: [{ cores: 2 }] });
  const assignment = makeAssignment({
    sparkMaster: cluster.master,
    sparkProperties: {
      'spark.driver.host': '127.0.0.1',
      'spark.executor.memory': '512m',
      'spark.jars': countdown,
      'spark.submit.pyFiles': `s3://files/plain.py, ${web.address}/zipped.zip,${path('egg.egg')}`,
      'spark.files': 's3a://files/data.csv',
      'spark.archives': 's3://files/things.zip#things',
    },
    s3: { endpoint: s3.endpoint, region: REGION, pathStyle: true, credentials: SESSION },
  });
  fixture = await startDriver({ readable: [folder] }, assignment);
});
afterAll(async () => {
  await fixture?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await s3?.close();
  await web?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("a session's files", () => {
  test('are there from its start, in the driver and on executors', async () => {
    const { stdout, stderr } = await run(
      fixture.driver,
      `def look(_):
    import plain, zipped, egg
    from pyspark import SparkFiles
    texts = [open(SparkFiles.get(name)).read().strip() for name in ("data.csv", "things/inner/thing.txt")]
    return [module.name for module in (plain, zipped, egg)] + texts
print(look(None))
print(sc.parallelize([0], 1).map(look).first(), sc._jsc.sc().isLocal())
print(sorted(row[0] for row in spark.read.format("example.countdown").option("from", "2").load().collect()))`,
    );
    const found = "['plain', 'zipped', 'egg', 'from S3', 'unpacked']";
    expect({ stdout, stderr }).toEqual({ stdout: `${found}\n${found} False\n[1, 2]\n`, stderr: '' });
  });

  test('more of them while it runs', async () => {
    const { stdout, stderr } = await run(
      fixture.driver,
      `sc.addFile("s3a://files/late.csv")
sc.addFile("${join(folder, 'here.csv')}")
sc.addPyFile("s3://files/late_zipped.zip")
sc.addPyFile("${join(folder, 'late_plain.py')}")
sc.addArchive("s3://files/things.zip#late_things")
def look_again(_):
    import late_plain, late_zipped
    from pyspark import SparkFiles
    names = ("late.csv", "here.csv", "late_things/inner/thing.txt")
    return [late_plain.name, late_zipped.name] + [open(SparkFiles.get(name)).read().strip() for name in names]
print(look_again(None))
print(sc.parallelize([0], 1).map(look_again).first())`,
    );
    const found = "['late_plain', 'late_zipped', 'late from S3', 'from here', 'unpacked']";
    expect({ stdout, stderr }).toEqual({ stdout: `${found}\n${found}\n`, stderr: '' });
  });
});
