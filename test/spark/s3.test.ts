import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/drivers/driver.ts';
import { makeAssignment, run, startDriver } from '../drivers/driver-fixture.ts';
import { ADMINISTRATOR, REGION, type S3Server, SESSION, startS3Server } from '../wire/s3/s3-server.ts';

let s3: S3Server;
let client: S3Client;
let fixture: Awaited<ReturnType<typeof startDriver>>;
let driver: Driver;

beforeAll(async () => {
  s3 = await startS3Server();
  client = new S3Client({ endpoint: s3.endpoint, region: REGION, forcePathStyle: true, credentials: ADMINISTRATOR });
  await client.send(new CreateBucketCommand({ Bucket: 'data' }));
  fixture = await startDriver(
    {},
    { s3: { endpoint: s3.endpoint, region: REGION, pathStyle: true, credentials: SESSION } },
  );
  driver = fixture.driver;
});
afterAll(async () => {
  await fixture?.[Symbol.asyncDispose]();
  await s3?.close();
});

describe("S3 with the session's own keys", () => {
  test.each(['s3', 's3a'])('Spark writes and reads %s://', async (scheme) => {
    const { stdout, stderr } = await run(
      driver,
      `path = "${scheme}://data/${scheme}/table"
spark.range(100).selectExpr("id", "id % 7 AS part").write.partitionBy("part").mode("overwrite").parquet(path)
print(spark.read.parquet(path).where("part = 3").count())`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '14\n', stderr: '' });
  });

  test('boto3, pandas and the environment of subprocesses find the same store', async () => {
    const { stdout, stderr } = await run(
      driver,
      `import boto3, pandas, subprocess, sys
pandas.DataFrame({"n": [1, 2]}).to_csv("s3://data/frame.csv", index=False)
print(boto3.client("s3").get_object(Bucket="data", Key="frame.csv")["Body"].read())
print(int(pandas.read_csv("s3://data/frame.csv").n.sum()))
code = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
subprocess.run([sys.executable, "-c", code], check=True);`,
    );
    expect(stderr).toBe('');
    expect(stdout).toBe("b'n\\n1\\n2\\n'\n3\n['data']\n");
  });

  test("Python workers reach it with the session's keys", async () => {
    const { stdout } = await run(
      driver,
      `def size(key):
    import boto3
    return boto3.client("s3").head_object(Bucket="data", Key=key)["ContentLength"]
print(sc.parallelize(["frame.csv"], 1).map(size).collect())`,
    );
    expect(stdout).toBe('[6]\n');
  });

  test('sc.addPyFile and sc.addFile take objects', async () => {
    await client.send(
      new PutObjectCommand({ Bucket: 'data', Key: 'lib/mine.py', Body: 'def f(n):\n    return n * 3\n' }),
    );
    const { stdout, stderr } = await run(
      driver,
      `sc.addPyFile("s3://data/lib/mine.py")
import mine
print(mine.f(2), sc.parallelize([5], 1).map(lambda n: __import__("mine").f(n)).collect())
sc.addFile("s3a://data/frame.csv")
from pyspark import SparkFiles
print(open(SparkFiles.get("frame.csv")).readline().strip())`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '6 [15]\nn\n', stderr: '' });
  });

  test('what Spark wrote is there for everybody', async () => {
    await run(
      driver,
      'spark.createDataFrame([("x",)], ["c"]).coalesce(1).write.mode("overwrite").text("s3://data/text")',
    );
    const found = await client.send(new GetObjectCommand({ Bucket: 'data', Key: 'text/_SUCCESS' }));
    expect(found.ContentLength).toBe(0);
  });

  test('a jar in S3 is on the class path of a session that asks for it', async () => {
    await run(
      driver,
      `import boto3, io, zipfile
jar = io.BytesIO()
with zipfile.ZipFile(jar, "w") as file:
    file.writestr("example/marker.txt", "found")
boto3.client("s3").put_object(Bucket="data", Key="lib/marker.jar", Body=jar.getvalue());`,
    );
    const assignment = makeAssignment({
      sparkProperties: { 'spark.jars': 's3://data/lib/marker.jar' },
      s3: { endpoint: s3.endpoint, region: REGION, pathStyle: true, credentials: SESSION },
    });
    const withJar = await fixture.drivers.start(assignment, async () => undefined);
    const { stdout } = await run(
      withJar,
      `loader = sc._jvm.Thread.currentThread().getContextClassLoader()
print(loader.getResource("example/marker.txt") is not None)
print(spark.range(5).count(), spark.read.csv("s3://data/frame.csv").count())`,
    );
    expect(stdout).toBe('True\n5 3\n');
    await withJar.stop();
  });

  test('its keys lie in files that are its own, and nowhere in the environment', async () => {
    const { stdout } = await run(
      driver,
      `import os, stat
folder = os.path.dirname(os.environ["AWS_CONFIG_FILE"])
print({name: oct(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)) for name in sorted(os.listdir(folder))})
print([n for n, v in os.environ.items() if "${SESSION.secretAccessKey}" in v])`,
    );
    expect(stdout).toBe("{'config': '0o600', 'keys.json': '0o600'}\n[]\n");
  });
});
