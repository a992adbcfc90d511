import { GetSessionStatusCommand, StartSessionCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { access, allow, policyFile, roleArn } from '../access/server/people.ts';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { type OwnS3, startOwnS3WithRoles } from '../support/own-s3.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const KEY_SECONDS = 20;
const RESULTS = 'aws-athena-query-results-123456789012-us-east-1';

const all = (bucket: string) => allow('s3:*', [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`]);

/** Clients and file systems that are made once, and used long after their first keys have ended. */
const BEGIN = `import boto3, json, time
kept = boto3.client("s3")
keys = lambda: boto3.Session().get_credentials().get_frozen_credentials()
spark.range(3).write.mode("overwrite").parquet("s3://lake/first")
first = keys()
print(json.dumps(first._asdict()))`;

/** Both are refused what the role does not say. */
const ELSEWHERE = `refused = []
try:
    kept.list_objects_v2(Bucket="other")
except Exception as error:
    refused.append("AccessDenied" in str(error))
try:
    spark.read.text("s3a://other/a").count()
except Exception as error:
    refused.append("AccessDenied" in str(error))
print(refused)`;

const GO_ON = `kept.put_object(Bucket="lake", Key="from-boto3", Body=b"")
spark.range(4).write.mode("overwrite").parquet("s3a://lake/second")
print(keys().access_key != first.access_key, spark.read.parquet("s3://lake/first").count(), spark.read.parquet("s3a://lake/second").count())`;

async function createRole(server: TestServer, name: string, buckets: string[]): Promise<void> {
  await access(server, 'create-role', name, '--policy', policyFile(server, buckets.map(all)));
}

function clientOf({ endpoint }: TestServer, printed: string): S3Client {
  const { access_key: accessKeyId, secret_key: secretAccessKey, token: sessionToken } = JSON.parse(printed);
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials, maxAttempts: 1 });
}

const list = (client: S3Client) => client.send(new ListObjectsV2Command({ Bucket: 'lake' }));

describe('a session on the embedded S3', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ 'session-key-seconds': String(KEY_SECONDS) });
    for (const Bucket of ['lake', 'other']) await server.s3.send(new CreateBucketCommand({ Bucket }));
    await createRole(server, 'Analyst', ['lake']);
  });
  afterAll(async () => await server?.remove());

  it('acts with its role, by keys that are renewed before they end, and that end with it', async () => {
    const sessionId = await startIdleSession(server, { ExecutionRole: roleArn('Analyst') });
    const { stdout, stderr } = await run(server, sessionId, BEGIN);
    expect(stderr).toBe('');
    const first = clientOf(server, stdout);
    expect((await list(first)).KeyCount).toBeGreaterThan(0);
    expect((await run(server, sessionId, ELSEWHERE)).stdout).toBe('[True, True]\n');
    // The first keys end while code runs.
    const later = await run(server, sessionId, `time.sleep(${KEY_SECONDS + 1})\n${GO_ON}`);
    expect(later).toMatchObject({ stdout: 'True 3 4\n', stderr: '' });
    await expect(list(first)).rejects.toMatchObject({ name: 'ExpiredToken' });
    const second = clientOf(server, (await run(server, sessionId, 'print(json.dumps(keys()._asdict()))')).stdout);
    await list(second);
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    await waitForSession(server, sessionId, ['TERMINATED']);
    await expect(list(second)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
  });

  it('is refused with a role that nobody has configured, once there are roles', async () => {
    const start = new StartSessionCommand({
      WorkGroup: 'primary',
      EngineConfiguration: {},
      ExecutionRole: roleArn('Unknown'),
    });
    await expect(server.athena.send(start)).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringContaining(`executionRole ${roleArn('Unknown')} does not exist`),
    });
  });
});

describe('a session on an S3 of one’s own that has an STS', () => {
  let own: OwnS3;
  let server: TestServer;
  beforeAll(async () => {
    own = await startOwnS3WithRoles([all(RESULTS), allow('sts:AssumeRole', roleArn('Lake'))]);
    for (const Bucket of ['lake', 'other', RESULTS]) await own.storage.s3.send(new CreateBucketCommand({ Bucket }));
    await createRole(own.storage, 'Lake', ['lake']);
    server = await startTestServer({ ...own.settings, 'session-key-seconds': String(KEY_SECONDS) });
  });
  afterAll(async () => {
    await server?.remove();
    await own?.storage.remove();
  });

  it('acts with its role there, by keys that are renewed', async () => {
    const there = { ...server, s3: own.storage.s3 };
    const sessionId = await startIdleSession(server, { ExecutionRole: roleArn('Lake') });
    const { stdout, stderr } = await run(there, sessionId, BEGIN);
    expect(stderr).toBe('');
    const first = clientOf(own.storage, stdout);
    await list(first);
    expect((await run(there, sessionId, ELSEWHERE)).stdout).toBe('[True, True]\n');
    // STS gives keys for a quarter of an hour at least: a role that is made anew ends these ones sooner.
    await access(own.storage, 'delete-role', 'Lake');
    await createRole(own.storage, 'Lake', ['lake']);
    await expect(list(first)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    const later = await run(there, sessionId, `time.sleep(${KEY_SECONDS / 2 + 2})\n${GO_ON}`);
    expect(later).toMatchObject({ stdout: 'True 3 4\n', stderr: '' });
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  });

  it('fails with the reason where its role may not be assumed, or where there is none for those that name none', async () => {
    for (const ExecutionRole of [roleArn('Unknown'), undefined]) {
      const start = { WorkGroup: 'primary', EngineConfiguration: {}, ...(ExecutionRole && { ExecutionRole }) };
      const { SessionId } = await server.athena.send(new StartSessionCommand(start));
      await waitForSession(server, SessionId as string, ['FAILED']);
      const { Status } = await server.athena.send(new GetSessionStatusCommand({ SessionId }));
      const role = ExecutionRole ?? roleArn('ParthenonDefaultExecutionRole');
      expect(Status?.StateChangeReason).toContain(`The execution role ${role} cannot be assumed: User: `);
    }
  });
});
