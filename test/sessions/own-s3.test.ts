import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GetCalculationExecutionStatusCommand,
  StartSessionCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { ListBucketsCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
  workingFolder,
} from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

/** Stands for the user's own S3: a server of its own, known to the other by endpoint and keys alone, and by a wire that can be cut. */
let storage: TestServer;
let relay: TcpRelay;
let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  storage = await startTestServer();
  relay = await startTcpRelay('127.0.0.1', () => Number(new URL(storage.endpoint).port));
  server = await startTestServer(ownS3());
  sessionId = await startIdleSession(server);
});
afterEach(() => relay.restore());
afterAll(async () => {
  await server?.remove();
  await relay?.[Symbol.asyncDispose]();
  await storage?.remove();
});

const ownS3 = () => ({
  's3-endpoint': `http://127.0.0.1:${relay.port}`,
  's3-access-key-id': storage.environment.AWS_ACCESS_KEY_ID ?? '',
  's3-secret-access-key': storage.environment.AWS_SECRET_ACCESS_KEY ?? '',
});

/** Reads results where they are. */
const reader = (): TestServer => ({ ...server, s3: storage.s3 });

it('one setting points results and sessions at the user’s own S3, and no embedded store runs', async () => {
  const code = `import boto3
boto3.client('s3').create_bucket(Bucket='own-data')
spark.range(7).write.parquet('s3://own-data/range')
print(spark.read.parquet('s3a://own-data/range').count())`;
  const calculation = await run(reader(), sessionId, code);
  expect(calculation).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: '7\n' });
  const { Buckets } = await storage.s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map((bucket) => bucket.Name)).toContain('own-data');
  expect(existsSync(join(server.home, 'objects'))).toBe(false);
  await expect(server.s3.send(new ListBucketsCommand({}))).rejects.toThrow();
});

it('large output is on its way while the code runs, and is all there when it has ended', async () => {
  const code = `import os, time
print('x' * (24 << 20))
while not os.path.exists('go-on'):
    time.sleep(0.1)
print('end')`;
  const calculation = await startCalculation(server, sessionId, code);
  const Bucket = 'aws-athena-query-results-123456789012-us-east-1';
  const uploads = async () => (await storage.s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
  await until(async () => (await uploads()).some(({ Key }) => Key?.endsWith(`${calculation}/stdout`)), 60_000);
  writeFileSync(join(workingFolder(server), 'go-on'), '');
  const ended = await waitForCalculation(reader(), calculation);
  expect(ended.Status?.State).toBe('COMPLETED');
  expect(ended.stdout === `${'x'.repeat(24 << 20)}\nend\n`).toBe(true);
  expect(await uploads()).toEqual([]);
});

describe('while that S3 is away', () => {
  const statusOf = async (CalculationExecutionId: string) =>
    (await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }))).Status;

  /** Runs code whose results cannot be written, until its state says that they wait. */
  const startWaiting = async (code: string): Promise<string> => {
    const calculation = await startCalculation(server, sessionId, code);
    await until(
      async () => /could not be written/.test((await statusOf(calculation))?.StateChangeReason ?? ''),
      60_000,
    );
    expect((await statusOf(calculation))?.State).toBe('RUNNING');
    return calculation;
  };

  it('results wait for it in the spool, and in that of a server that is killed meanwhile', async () => {
    relay.cut();
    const calculation = await startWaiting('print("kept")');
    const { home, endpoint } = server;
    await server.stop('SIGKILL');
    server = await startTestServer({ ...ownS3(), port: new URL(endpoint).port }, home);
    expect((await statusOf(calculation))?.State).toBe('RUNNING');
    expect(await sessionState(server, sessionId)).toBe('BUSY');
    relay.restore();
    const ended = await waitForCalculation(reader(), calculation);
    expect(ended).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: 'kept\n' });
    expect(ended.Status?.StateChangeReason).toBeUndefined();
    expect(await sessionState(server, sessionId)).toBe('IDLE');
  });

  it('a stop gives waiting results up, and the session goes on', async () => {
    relay.cut();
    const calculation = await startWaiting('given_up = 1');
    await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: calculation }));
    const { Status } = await waitForCalculation(server, calculation);
    expect(Status).toMatchObject({
      State: 'CANCELED',
      StateChangeReason: expect.stringMatching(/^Calculation was canceled per request.*could not be written to s3:/s),
    });
    relay.restore();
    expect((await run(reader(), sessionId, 'print(given_up)')).stdout).toBe('1\n');
  });

  it('one that says nothing costs time and no result', async () => {
    relay.stall();
    const calculation = await startCalculation(server, sessionId, 'print("late")');
    await until(async () => (await statusOf(calculation))?.State === 'RUNNING', 30_000);
    await until(() => relay.stalled > 0, 30_000);
    relay.restore();
    expect(await waitForCalculation(reader(), calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'late\n',
    });
  });

  it('a session is refused with the reason, and one that ends does not wait', async () => {
    relay.cut();
    const { SessionId } = await server.athena.send(
      new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} }),
    );
    expect((await waitForSession(server, SessionId as string, ['FAILED'])).StateChangeReason).toMatch(
      /^Unable to verify\/create output bucket/,
    );
    const calculation = await startWaiting('print("never read")');
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    await waitForSession(server, sessionId, ['TERMINATED']);
    expect((await statusOf(calculation))?.State).toBe('CANCELED');
  });
});
