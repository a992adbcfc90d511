import { CreateWorkGroupCommand, ListWorkGroupsCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Collector, startCollector } from '../support/collector.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { traced } from '../support/traced.ts';

const ARRIVED_MILLIS = 30_000;

let collector: Collector;
let server: TestServer;

beforeAll(async () => {
  collector = await startCollector();
  server = await startTestServer({ traces: collector.url });
});
afterAll(async () => {
  await server.remove();
  await collector[Symbol.asyncDispose]();
});

const traceOf = (digit: string) => digit.repeat(32);
const parent = (digit: string, flags: string) => `00-${traceOf(digit)}-${'b'.repeat(16)}-${flags}`;
const create = (Name: string) => server.athena.send(new CreateWorkGroupCommand({ Name }));
/** Spans leave in the order in which they ended: what was to come before this one has come. */
async function untilArrived(Name: string): Promise<void> {
  const before = collector.spans.length;
  await create(Name);
  await until(() => collector.spans.slice(before).some(({ name }) => name === 'CreateWorkGroup'), ARRIVED_MILLIS);
}

it('traces calls that change something, and those that read where the caller traces', async () => {
  await server.athena.send(new ListWorkGroupsCommand({}));
  await server.athena.send(traced(new ListWorkGroupsCommand({}), parent('1', '01')));
  await server.athena.send(traced(new ListWorkGroupsCommand({}), parent('2', '00')));
  await server.athena.send(traced(new CreateWorkGroupCommand({ Name: 'unsampled' }), parent('3', '00')));
  await untilArrived('a');
  const seen = collector.spans.map(({ name, traceId, parentSpanId }) => [name, traceId, parentSpanId]);
  expect(seen).toEqual([
    ['ListWorkGroups', traceOf('1'), 'b'.repeat(16)],
    ['CreateWorkGroup', expect.stringMatching(/^[0-9a-f]{32}$/), undefined],
  ]);
});

it('takes no nonsense for a trace', async () => {
  const before = collector.spans.length;
  for (const wrong of [`${parent('0', '01')}`, parent('4', '01').replace('00-', 'ff-'), parent('4', 'zz'), '', 'x'])
    await server.athena.send(traced(new ListWorkGroupsCommand({}), wrong));
  await untilArrived('b');
  expect(collector.spans.slice(before).map(({ name }) => name)).toEqual(['CreateWorkGroup']);
});

it('keeps nothing of strangers', async () => {
  const before = collector.spans.length;
  const headers = {
    traceparent: parent('5', '01'),
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': 'AmazonAthena.CreateWorkGroup',
  };
  expect((await fetch(server.endpoint, { method: 'POST', headers, body: '{}' })).status).toBe(400);
  await untilArrived('c');
  expect(collector.spans.slice(before)).toHaveLength(1);
});

it('tells what failed', async () => {
  await expect(create('c')).rejects.toMatchObject({ name: 'InvalidRequestException' });
  await until(() => collector.spans.at(-1)?.status.code !== 0, ARRIVED_MILLIS);
  expect(collector.spans.at(-1)).toMatchObject({
    name: 'CreateWorkGroup',
    kind: 2, // SERVER
    status: { code: 2 },
    attributes: { 'error.type': 'InvalidRequestException', 'http.response.status_code': 400 },
  });
});

it('serves on when the collector is away, and says so once', async () => {
  const lines = (message: string) => server.log().split(message).length - 1;
  collector.answer(400);
  for (const name of ['d', 'e', 'f']) {
    const requests = collector.headers.length;
    await create(name);
    await until(() => collector.headers.length > requests, ARRIVED_MILLIS);
  }
  collector.answer(200);
  await untilArrived('g');
  await until(() => lines('Traces are sent again') === 1, ARRIVED_MILLIS);
  expect(lines('Traces cannot be sent')).toBe(1);
});

it("goes where the standard's variables say, with what they say", async () => {
  const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'x-team=data', OTEL_SERVICE_NAME: 'athena' };
  const environment = { ...headers, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const other = await startTestServer({ traces: 'otlp' }, undefined, environment);
  const before = collector.spans.length;
  await other.athena.send(new CreateWorkGroupCommand({ Name: 'a' }));
  // What has not left yet does so at the stop.
  await other.remove();
  expect(collector.spans.slice(before)).toMatchObject([
    { name: 'CreateWorkGroup', resource: { 'service.name': 'athena', 'service.version': '0.1.0' } },
  ]);
  expect(collector.headers.at(-1)).toMatchObject({ 'x-team': 'data' });
});
