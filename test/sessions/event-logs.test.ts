import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExternalObjectStore } from '../../src/objects/external.ts';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import type { SessionsContext } from '../../src/sessions/context.ts';
import { fetchEventLog } from '../../src/sessions/event-logs.ts';
import { LogTraffic } from '../../src/sessions/session-logs.ts';
import { run, startIdleSession, waitForSession } from '../support/calculations.ts';
import { eventsIn, keysBelow, type SparkEvent } from '../support/logs.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

const BUCKET = 'aws-athena-query-results-123456789012-us-east-1';
const MARKER = 'what-nobody-may-read';
const WARM_MILLIS = 120_000;
const SENT_MILLIS = 20_000;

let server: TestServer;
const folder = mkdtempSync(join(tmpdir(), 'parthenon-history-'));

beforeAll(async () => {
  server = await startTestServer({ 'pool-size': '1' });
});
afterAll(async () => {
  await server?.remove();
  rmSync(folder, { recursive: true, force: true });
});

const logsOf = (sessionId: string) => `sessions/${sessionId}/logs/`;

/** Names in the log's folder in S3 once its last is there. */
async function sent(sessionId: string): Promise<string[]> {
  const names = () => keysBelow(server.s3, BUCKET, `${logsOf(sessionId)}event-log/eventlog_v2_${sessionId}/`);
  await until(async () => (await names()).some((name) => name.startsWith('appstatus_')), SENT_MILLIS);
  return await names();
}

const eventsOf = (sessionId: string) => eventsIn(server.s3, BUCKET, sessionId, logsOf(sessionId));
const named = (events: readonly SparkEvent[], name: string) => events.filter(({ Event }) => Event.endsWith(name));
const startedFrom = (sessionId: string) =>
  server
    .log()
    .split('\n')
    .find((line) => line.includes('driver assigned') && line.includes(sessionId));

/** A session with these properties, whose log is in S3. */
async function endedSession(properties: Record<string, string>, code: string): Promise<string> {
  const id = await startIdleSession(server, {
    EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: properties },
  });
  expect((await run(server, id, code)).stderr).toBe('');
  await server.athena.send(new TerminateSessionCommand({ SessionId: id }));
  return id;
}

function checkBeginning(events: readonly SparkEvent[], id: string): Record<string, string> {
  expect(events[0]?.Event).toBe('SparkListenerLogStart');
  const [start] = named(events, 'ApplicationStart');
  expect(start).toMatchObject({ 'App ID': id, 'App Name': `Athena session ${id}` });
  expect(named(events, 'SparkListenerExecutorAdded')).toMatchObject([{ 'Executor ID': 'driver' }]);
  expect(named(events, 'SparkListenerBlockManagerAdded')).toHaveLength(1);
  expect(named(events, 'ApplicationEnd')).toHaveLength(1);
  return named(events, 'EnvironmentUpdate')[0]?.['Spark Properties'] as Record<string, string>;
}

test('a session of a driver that waited with a SparkContext has an event log of its own, from its first job on', async () => {
  await until(() => server.log().includes('a pool driver is warm'), WARM_MILLIS);
  const id = await endedSession(
    { 'spark.sql.shuffle.partitions': '7', 'spark.hadoop.own.secret': MARKER },
    'spark.sql("SELECT count(*) FROM range(100)").collect(); sc.parallelize([1, 2]).map(str).collect()',
  );
  expect(startedFrom(id)).toContain('"from":"hot"');
  expect(await sent(id)).toEqual([`appstatus_${id}`, `events_1_${id}.zstd`]);
  const events = await eventsOf(id);
  expect(checkBeginning(events, id)).toMatchObject({
    'spark.sql.shuffle.partitions': '7',
    'spark.app.id': id,
    'spark.hadoop.own.secret': '*********(redacted)',
  });
  expect(JSON.stringify(events)).not.toContain(MARKER);
  const jobs = named(events, 'JobStart').map((job) => job['Job ID']);
  expect(jobs.length).toBeGreaterThanOrEqual(2);
  expect(jobs).toEqual([...jobs.keys()]);
  expect(named(events, 'JobEnd')).toHaveLength(jobs.length);
  expect(named(events, 'SparkListenerSQLExecutionStart')).toHaveLength(1);
  expect(named(events, 'SparkListenerSQLExecutionEnd')).toHaveLength(1);
});

test('so has one that needs a SparkContext of its own, and one whose code stops it', async () => {
  await until(() => (server.log().match(/a pool driver is warm/g) ?? []).length >= 2, WARM_MILLIS);
  const id = await endedSession({ 'spark.default.parallelism': '3' }, 'spark.range(5).count(); spark.stop()');
  expect(startedFrom(id)).toContain('"from":"warm"');
  expect(await sent(id)).toEqual([`appstatus_${id}`, `events_1_${id}.zstd`]);
  const events = await eventsOf(id);
  expect(checkBeginning(events, id)).toMatchObject({ 'spark.default.parallelism': '3' });
  expect(named(events, 'JobEnd').length).toBeGreaterThan(0);
});

test('the log of a driver that was killed is kept, and Spark’s History Server reads it as it was fetched', async () => {
  const id = await startIdleSession(server);
  await run(server, id, 'spark.range(5).count()');
  await run(server, id, 'import os; os.kill(os.getpid(), 9)');
  await waitForSession(server, id, ['FAILED']);
  expect(await sent(id)).toEqual([`appstatus_${id}.inprogress`, `events_1_${id}.zstd`]);
  expect(named(await eventsOf(id), 'JobEnd').length).toBeGreaterThan(0);

  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = server.environment;
  const objects = createExternalObjectStore({
    endpoint: server.endpoint,
    region: 'us-east-1',
    pathStyle: true,
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
  });
  const context = {
    objects,
    logTraffic: new LogTraffic(),
    settings: { keptLogs: join(folder, 'none') },
  } as unknown as SessionsContext;
  const logs = join(folder, 'logs');
  const session = { id, working_directory: `s3://${BUCKET}/sessions/${id}/` };
  expect(await fetchEventLog(context, session, logs)).toBe(true);
  expect(readdirSync(logs)).toEqual([`eventlog_v2_${id}`]);
  expect(await fetchEventLog(context, { ...session, id: 'another' }, logs)).toBe(false);
  await objects.close();

  const history = await startHistoryServer(logs);
  try {
    expect(await history.get(`applications/${id}`)).toMatchObject({ id, name: `Athena session ${id}` });
    expect(await history.get(`applications/${id}/jobs?status=succeeded`)).toHaveLength(2);
    expect(await history.get(`applications/${id}/executors`)).toMatchObject([{ id: 'driver', totalCores: 2 }]);
  } finally {
    history.process.kill();
  }
});

/** Spark's own, with its REST API. */
async function startHistoryServer(
  logs: string,
): Promise<{ process: ChildProcess; get(path: string): Promise<unknown> }> {
  const { java, sparkHome } = locateRuntime();
  const port = await freePort();
  const properties = {
    'spark.history.fs.logDirectory': `file://${logs}`,
    'spark.history.ui.port': `${port}`,
    'spark.history.fs.update.interval': '1s',
  };
  const flags = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  const main = 'org.apache.spark.deploy.history.HistoryServer';
  const child = spawn(java, ['-Xmx256m', ...flags, '-cp', join(sparkHome, 'jars', '*'), main], { stdio: 'ignore' });
  const get = async (path: string) => await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json();
  await until(async () => ((await get('applications').catch(() => [])) as unknown[]).length > 0, WARM_MILLIS);
  return { process: child, get };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  return port;
}
