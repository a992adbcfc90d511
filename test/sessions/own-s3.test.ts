import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, startIdleSession } from '../support/calculations.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Stands for the user's own S3: a server of its own, known to the other by endpoint and keys alone. */
let storage: TestServer;
let server: TestServer;

beforeAll(async () => {
  storage = await startTestServer();
  server = await startTestServer({
    's3-endpoint': storage.endpoint,
    's3-access-key-id': storage.environment.AWS_ACCESS_KEY_ID ?? '',
    's3-secret-access-key': storage.environment.AWS_SECRET_ACCESS_KEY ?? '',
  });
});
afterAll(async () => {
  await server.remove();
  await storage.remove();
});

it('one setting points results and sessions at the user’s own S3, and no embedded store runs', async () => {
  const sessionId = await startIdleSession(server);
  const code = `import boto3
boto3.client('s3').create_bucket(Bucket='own-data')
spark.range(7).write.parquet('s3://own-data/range')
print(spark.read.parquet('s3a://own-data/range').count())`;
  const calculation = await run({ ...server, s3: storage.s3 }, sessionId, code);
  expect(calculation).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: '7\n' });
  const { Buckets } = await storage.s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map((bucket) => bucket.Name)).toContain('own-data');
  expect(existsSync(join(server.home, 'objects'))).toBe(false);
  await expect(server.s3.send(new ListBucketsCommand({}))).rejects.toThrow();
});
