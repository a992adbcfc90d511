import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartSessionCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, sessionState, waitForSession } from '../support/calculations.ts';
import { type Collector, type ReceivedSpan, startCollector } from '../support/collector.ts';
import { scrape } from '../support/exposition.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';
import { traced } from '../support/traced.ts';

const WARM_MILLIS = 120_000;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

let collector: Collector;
let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  collector = await startCollector();
  const home = newHome();
  server = await startTestServer({ traces: collector.url, 'pool-size': '1', audit: join(home, 'audit.log') }, home);
});
afterAll(async () => {
  await server.remove();
  await collector[Symbol.asyncDispose]();
});

async function spansNamed(name: string | RegExp, count = 1): Promise<ReceivedSpan[]> {
  const found = () =>
    collector.spans.filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)));
  await until(() => found().length >= count, 30_000);
  return found();
}

const below = (parent: ReceivedSpan | undefined) =>
  collector.spans.filter((span) => span.parentSpanId === parent?.spanId).map(({ name }) => name);

it('shows the pool fill, and a session that starts from it', async () => {
  await until(async () => (await scrape(server)).value('parthenon_pool_drivers', { grade: 'hot' }) === 1, WARM_MILLIS);
  const before = await scrape(server);
  expect(before.value('parthenon_pool_size')).toBe(1);
  expect(before.value('parthenon_pool_launches_total', { step: 'warm' })).toBe(1);
  expect(before.value('parthenon_drivers', { role: 'pool' })).toBe(1);
  // Python and the JVM together: neither alone has so much.
  expect(before.value('parthenon_driver_memory_bytes', { role: 'pool' })).toBeGreaterThan(200e6);
  expect(before.value('parthenon_driver_cpu_seconds_total', { role: 'pool' })).toBeGreaterThan(1);

  const start = new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} });
  const { SessionId } = await server.athena.send(traced(start, `00-${TRACE}-${CALLER}-01`));
  sessionId = SessionId as string;
  await waitForSession(server, sessionId, ['IDLE']);
  const after = await scrape(server);
  expect(after.value('parthenon_session_start_duration_seconds_count', { kind: 'hot' })).toBe(1);
  expect(after.value('parthenon_sessions', { state: 'IDLE' })).toBe(1);
  expect(after.value('parthenon_session_memory_bytes', { state: 'IDLE' })).toBeGreaterThan(1e9);
  expect(after.value('parthenon_dpus_in_use', { role: 'coordinator' })).toBe(1);
  expect(after.value('parthenon_dpus_in_use', { role: 'worker' })).toBe(0);
  expect(after.value('parthenon_drivers', { role: 'session' })).toBe(1);
});

it('traces the start below its caller: bucket, rows, and every stage of the driver', async () => {
  const [call] = await spansNamed('StartSession');
  expect(call).toMatchObject({
    traceId: TRACE,
    parentSpanId: CALLER,
    attributes: { 'rpc.system': 'aws-api', 'rpc.service': 'athena', 'parthenon.session.id': sessionId },
    resource: { 'service.name': 'parthenon' },
  });
  const [start] = await spansNamed('session.start');
  expect(start?.parentSpanId).toBe(call?.spanId);
  expect(start?.attributes).toMatchObject({ 'parthenon.session.id': sessionId, 'parthenon.start.from': 'hot' });
  expect(below(start).sort()).toEqual(['driver assign', 'record CREATED', 'record IDLE', 'results bucket']);
  const [assign] = await spansNamed('driver assign');
  expect(below(assign)).toEqual([
    'driver: until it listens',
    'driver: properties',
    'driver: dependencies',
    'driver: context',
    'driver: session',
  ]);
  for (const span of collector.spans) expect(span.ended, span.name).toBeGreaterThanOrEqual(span.begun);
});

it('has the trace in the log and in the audit', async () => {
  const lines = (text: string) =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const assigned = lines(server.log()).find(({ msg }) => msg === 'driver assigned');
  expect(assigned).toMatchObject({ traceId: TRACE, sessionId });
  const audited = lines(readFileSync(join(server.home, 'audit.log'), 'utf8'));
  expect(audited.find(({ operation }) => operation === 'StartSession').traceId).toBe(TRACE);
  // A client polls by these: not traced unless it asks for it.
  expect(audited.find(({ operation }) => operation === 'GetSessionStatus')).not.toHaveProperty('traceId');
  // What fills the pool again belongs to no session.
  for (const line of lines(server.log()))
    if (line.msg === 'a pool driver is warm') expect(line.traceId).toBeUndefined();
});

it('traces a calculation down to the ids of its Spark jobs', async () => {
  await run(server, sessionId, 'spark.range(10).count()');
  await spansNamed('calculation');
  const code = 'spark.sparkContext.setJobGroup("mine", "")\nfor _ in range(2): spark.range(1000).collect()';
  const { CalculationExecutionId, Status } = await run(server, sessionId, code);
  expect(Status?.State).toBe('COMPLETED');
  const calculation = (await spansNamed('calculation', 2))[1];
  const [call] = (await spansNamed('StartCalculationExecution', 2)).slice(1);
  expect(calculation).toMatchObject({
    traceId: call?.traceId,
    parentSpanId: call?.spanId,
    attributes: { 'parthenon.calculation.id': CalculationExecutionId, 'parthenon.session.id': sessionId },
  });
  expect(below(calculation).sort()).toEqual(['queue', 'record the end', 'run', 'upload']);
  const inTrace = (span: ReceivedSpan) => span.traceId === calculation?.traceId;
  const ran = (await spansNamed('run', 2)).find(inTrace);
  await until(() => collector.spans.filter(({ parentSpanId }) => parentSpanId === ran?.spanId).length === 2, 30_000);
  const jobs = collector.spans.filter(({ parentSpanId }) => parentSpanId === ran?.spanId);
  const first = (await spansNamed(/^Spark job/, 3)).filter((span) => !inTrace(span)).map(jobId);
  // Ids go on from the calculation before, whose jobs are in its own trace.
  expect(jobs.map(jobId).sort()).toEqual([Math.max(...first) + 1, Math.max(...first) + 2]);
  for (const job of jobs) {
    expect(job.attributes).toMatchObject({ 'spark.job.status': 'SUCCEEDED', 'spark.job.group': 'mine' });
    expect(job.begun).toBeGreaterThanOrEqual(ran?.begun ?? 0);
    expect(job.ended).toBeLessThanOrEqual(ran?.ended ?? 0);
  }
});

it('counts calculations by their end, and the session', async () => {
  await run(server, sessionId, '1/0');
  const after = await scrape(server);
  expect(after.value('parthenon_calculations_ended_total', { state: 'COMPLETED' })).toBe(2);
  expect(after.value('parthenon_calculations_ended_total', { state: 'FAILED' })).toBe(1);
  expect(after.value('parthenon_calculation_run_seconds_count', { state: 'FAILED' })).toBe(1);
  expect(after.value('parthenon_calculation_wait_seconds_count')).toBe(3);
  expect(after.value('parthenon_s3_client_operation_duration_seconds_count', { operation: 'putFile' })).toBe(9);
  expect(after.value('parthenon_s3_client_written_bytes_total')).toBeGreaterThan(0);
  const cpu = after.value('parthenon_driver_cpu_seconds_total', { role: 'session' }) ?? 0;
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  await until(async () => (await sessionState(server, sessionId)) === 'TERMINATED', 30_000);
  const ended = await scrape(server);
  expect(ended.value('parthenon_sessions_ended_total', { state: 'TERMINATED' })).toBe(1);
  expect(ended.value('parthenon_sessions', { state: 'IDLE' })).toBe(0);
  expect(ended.value('parthenon_drivers', { role: 'session' })).toBe(0);
  // What an ended driver has used is not forgotten.
  expect(ended.value('parthenon_driver_cpu_seconds_total', { role: 'session' })).toBeGreaterThanOrEqual(cpu);
  expect((await spansNamed('session.end')).map(({ attributes }) => attributes)).toEqual([
    { 'parthenon.session.id': sessionId },
  ]);
});

function jobId({ attributes }: ReceivedSpan): number {
  return attributes['spark.job.id'] as number;
}
