import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  CreateWorkGroupCommand,
  GetSessionCommand,
  GetSessionEndpointCommand,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { CreateBucketCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { access, allow, policyFile, roleArn } from '../access/server/people.ts';
import { run, startIdleSession, waitForSession, workingFolder } from '../support/calculations.ts';
import { bytesOf, eventsIn, keysBelow } from '../support/logs.ts';
import { startOwnS3 } from '../support/own-s3.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

const RESULTS = 'aws-athena-query-results-123456789012-us-east-1';
const KEY = 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const SENT_MILLIS = 30_000;
const OUTSIDE = 'of-nobody-inside';

/** Something for each of a driver's logs, while no calculation runs and in the places of logs; and the secrets of the session. */
const CODE = `
import glob, sys, threading, time
import boto3
def later():
    time.sleep(2)
    print("printed after the calculation", flush=True)
    print("to stderr after the calculation", file=sys.stderr, flush=True)
athena_user_logger.info("the user's own words")
spark._jvm.org.slf4j.LoggerFactory.getLogger("own").warn("Spark's log")
spark.range(10).count()
keys = boto3.Session().get_credentials().get_frozen_credentials()
print(keys.secret_key, keys.token)
print(open(glob.glob(sys.prefix + "/lib/*/site-packages/parthenon-connect.pth")[0]).read().split("x-parthenon-secret=")[1].split('"')[0].strip("'\\n )"))
threading.Thread(target=later).start()
`;
const ROLL = `
words = "x" * 100_000
for _ in range(90): spark._jvm.org.slf4j.LoggerFactory.getLogger("own").warn(words)
`;

let storage: TestServer;
let external: TestServer;
let server: TestServer;

beforeAll(async () => {
  const own = await startOwnS3();
  storage = own.storage;
  [server, external] = await Promise.all([startTestServer({ 'log-seconds': '1' }), startTestServer(own.settings)]);
  await server.s3.send(new CreateBucketCommand({ Bucket: 'logs' }));
});
afterAll(async () => {
  await Promise.all([server, external, storage].map((each) => each?.remove()));
});

const textOf = async (bucket: string, key: string) => (await bytesOf(server.s3, bucket, key)).toString('utf8');

test('logs go where MonitoringConfiguration says, while the session runs and at its end, without a secret', async () => {
  const MonitoringConfiguration = {
    S3LoggingConfiguration: { Enabled: true, LogLocation: 's3://logs/here', KmsKey: KEY },
    CloudWatchLoggingConfiguration: {
      Enabled: true,
      LogGroup: '/athena/tests',
      LogStreamNamePrefix: 'one',
      LogTypes: { SPARK_DRIVER: ['STDOUT'] },
    },
    ManagedLoggingConfiguration: { Enabled: true },
  };
  const id = await startIdleSession(server, { MonitoringConfiguration });
  const { MonitoringConfiguration: told } = await server.athena.send(new GetSessionCommand({ SessionId: id }));
  expect(told).toEqual(MonitoringConfiguration);
  await server.athena.send(new GetSessionEndpointCommand({ SessionId: id }));
  const folder = dirname(workingFolder(server));
  const outside = join(server.home, 'outside');
  writeFileSync(outside, OUTSIDE);
  symlinkSync(outside, join(folder, 'athena_shared_logger.log'));
  symlinkSync(outside, join(folder, 'event-log', `eventlog_v2_${id}`, `events_99_${id}.zstd`));
  const { stdout } = await run(server, id, CODE);
  const secrets = stdout.trim().split(/\s+/);
  expect(secrets).toHaveLength(3);

  const place = `here/sessions/${id}/`;
  const stdoutKey = `${place}driver/stdout.log`;
  const printed = () => textOf('logs', stdoutKey).catch(() => '');
  await until(async () => (await printed()) === 'printed after the calculation\n', SENT_MILLIS);
  await until(
    async () => (await eventsIn(server.s3, 'logs', id, place)).some(({ Event }) => Event.endsWith('JobEnd')),
    SENT_MILLIS,
  );
  const head = await server.s3.send(new HeadObjectCommand({ Bucket: 'logs', Key: stdoutKey }));
  expect([head.ServerSideEncryption, head.SSEKMSKeyId]).toEqual(['aws:kms', KEY]);

  await run(server, id, ROLL);
  await until(async () => (await keysBelow(server.s3, 'logs', place)).includes('driver/spark.1.log'), SENT_MILLIS);
  await server.athena.send(new TerminateSessionCommand({ SessionId: id }));
  const eventLog = `event-log/eventlog_v2_${id}/`;
  await until(
    async () => (await keysBelow(server.s3, 'logs', place)).includes(`${eventLog}appstatus_${id}`),
    SENT_MILLIS,
  );
  const driver = ['athena_user_logger.log', 'spark.1.log', 'spark.log', 'stderr.log', 'stdout.log'];
  expect(await keysBelow(server.s3, 'logs', place)).toEqual([
    ...driver.map((name) => `driver/${name}`),
    `${eventLog}appstatus_${id}`,
    `${eventLog}events_1_${id}.zstd`,
  ]);
  const own = `sessions/${id}/logs/`;
  expect((await keysBelow(server.s3, RESULTS, own)).filter((key) => !key.startsWith('event-log/'))).toEqual([
    'cloudwatch//athena/tests/one/driver/stdout.log',
    ...driver.map((name) => `managed/driver/${name}`),
  ]);
  expect(await textOf('logs', `${place}driver/stderr.log`)).toContain('to stderr after the calculation\n');
  expect(await textOf('logs', `${place}driver/athena_user_logger.log`)).toContain("the user's own words\n");
  expect(await textOf('logs', `${place}driver/spark.1.log`)).toContain("Spark's log\n");
  const all = [
    ...(await Promise.all(driver.map((name) => textOf('logs', `${place}driver/${name}`)))),
    JSON.stringify(await eventsIn(server.s3, 'logs', id, place)),
  ].join('\n');
  for (const secret of [...secrets, OUTSIDE]) expect(all).not.toContain(secret);
});

test('a place that is none, is not there, or that the session’s role may not write to, is refused', async () => {
  const start = (LogLocation: string, others = {}) =>
    server.athena.send(
      new StartSessionCommand({
        WorkGroup: 'primary',
        EngineConfiguration: { MaxConcurrentDpus: 2 },
        MonitoringConfiguration: { S3LoggingConfiguration: { Enabled: true, LogLocation } },
        ...others,
      }),
    );
  await expect(start('https://logs/here')).rejects.toMatchObject({
    name: 'InvalidRequestException',
    message: expect.stringMatching(/^1 validation error detected: Value 'https:\/\/logs\/here' at .*logLocation/),
  });
  const nowhere = await start('s3://nowhere-at-all/');
  expect(await waitForSession(server, nowhere.SessionId as string, ['FAILED'])).toMatchObject({
    StateChangeReason: expect.stringContaining('there is no bucket nowhere-at-all'),
  });
  await access(server, 'create-role', 'Reader', '--policy', policyFile(server, [allow('s3:GetObject')]));
  const denied = await start('s3://logs/', { ExecutionRole: roleArn('Reader') });
  expect(await waitForSession(server, denied.SessionId as string, ['FAILED'])).toMatchObject({
    StateChangeReason: expect.stringContaining('is not authorized to perform: s3:PutObject'),
  });
});

test('logs that S3 does not take wait for it, also through a kill of the server', async () => {
  await external.athena.send(
    new CreateWorkGroupCommand({
      Name: 'monitored',
      Configuration: {
        EngineVersion: { SelectedEngineVersion: 'PySpark engine version 3' },
        MonitoringConfiguration: { S3LoggingConfiguration: { Enabled: true } },
      },
    }),
  );
  const id = await startIdleSession(external, { WorkGroup: 'monitored' });
  await run({ ...external, s3: storage.s3 }, id, 'spark.range(10).count()');
  await storage.stop();
  await external.athena.send(new TerminateSessionCommand({ SessionId: id }));
  await waitForSession(external, id, ['TERMINATED']);
  await until(() => external.log().includes('Logs of a session could not be written'), SENT_MILLIS);
  await external.stop('SIGKILL');
  const { port } = new URL(storage.endpoint);
  storage = await startTestServer({ port }, storage.home);
  const credentials = storage.environment;
  external = await startTestServer(
    {
      's3-endpoint': storage.endpoint,
      's3-access-key-id': credentials.AWS_ACCESS_KEY_ID ?? '',
      's3-secret-access-key': credentials.AWS_SECRET_ACCESS_KEY ?? '',
    },
    external.home,
  );
  const place = `sessions/${id}/logs/`;
  const status = `event-log/eventlog_v2_${id}/appstatus_${id}`;
  const keys = () => keysBelow(storage.s3, RESULTS, place).catch((): string[] => []);
  await until(async () => (await keys()).includes(status), SENT_MILLIS);
  expect(await keys()).toContain('driver/stderr.log');
  expect((await eventsIn(storage.s3, RESULTS, id, place)).at(-1)?.Event).toBe('SparkListenerApplicationEnd');
});
