import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { GetSessionCommand, ListWorkGroupsCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForSession } from '../support/calculations.ts';
import { scrape } from '../support/exposition.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';

const MISSING = '00000000-0000-4000-8000-000000000000';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.remove();
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${server.endpoint}${path}`, { headers, method });

describe('who may read metrics', () => {
  it('is who has the token, which lies in the home for its owner alone', async () => {
    const file = join(server.home, 'metrics-token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const authorization = `Bearer ${readFileSync(file, 'utf8')}`;
    const reply = await get('/metrics', { authorization });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await get('/metrics', { authorization }, 'HEAD')).status).toBe(200);
    expect((await get('/metrics', { authorization }, 'POST')).status).toBe(405);
    // As a monitor may be told to ask.
    expect((await get('/metrics?name=a', { authorization })).status).toBe(200);
  });

  it('is nobody else, on this machine neither', async () => {
    for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Bearer ${'x'.repeat(43)}`]) {
      const reply = await get('/metrics', authorization === '' ? {} : { authorization });
      expect(reply.status, authorization).toBe(401);
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await reply.text()).not.toContain('parthenon_');
    }
  });

  it('leaves a bucket of that name to S3', async () => {
    await server.s3.send(new CreateBucketCommand({ Bucket: 'metrics' }));
    const { Name } = await server.s3.send(new ListObjectsV2Command({ Bucket: 'metrics' }));
    expect(Name).toBe('metrics');
    const presigned = await get('/metrics?AWSAccessKeyId=nobody&Signature=none&Expires=1');
    expect(presigned.headers.get('content-type')).toBe('application/xml');
  });

  it('is who the setting says; and nobody where metrics are off', async () => {
    const home = newHome();
    writeFileSync(join(home, 'settings.json'), JSON.stringify({ metricsToken: 'a-token-of-my-own' }));
    const own = await startTestServer({}, home);
    const ask = (headers: Record<string, string>) => fetch(`${own.endpoint}/metrics`, { headers });
    expect((await ask({ authorization: 'Bearer a-token-of-my-own' })).status).toBe(200);
    expect((await ask({})).status).toBe(401);
    await own.stop();
    const off = await startTestServer({ metrics: 'off' }, home);
    const reply = await fetch(`${off.endpoint}/metrics`, { headers: { authorization: 'Bearer a-token-of-my-own' } });
    expect(reply.status).toBe(404);
    await off.remove();
  });
});

describe('what is counted', () => {
  it('is every API call, by operation and error code, whoever makes it', async () => {
    const calls = { service: 'athena', operation: 'GetSession', code: 'ResourceNotFoundException' };
    const count = async (labels: Record<string, string>) =>
      (await scrape(server)).value('parthenon_api_requests_total', labels) ?? 0;
    await server.athena.send(new ListWorkGroupsCommand({}));
    await server.athena.send(new GetSessionCommand({ SessionId: MISSING })).catch(() => undefined);
    await server.athena.send(new GetSessionCommand({ SessionId: MISSING })).catch(() => undefined);
    expect(await count(calls)).toBe(2);
    expect(await count({ service: 'athena', operation: 'ListWorkGroups', code: 'ok' })).toBe(1);
    const after = await scrape(server);
    const latency = 'parthenon_api_request_duration_seconds';
    expect(after.value(`${latency}_count`, { operation: 'GetSession' })).toBe(2);
    expect(after.value(`${latency}_bucket`, { operation: 'GetSession', le: '30' })).toBe(2);

    // Names that callers make up do not become values: anybody could make the series endless.
    const credential = `AKID/20260101/us-east-1/${'made-up'}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
    await get('/', { authorization, 'x-amz-target': 'AmazonAthena.MadeUp' }, 'POST');
    await get('/', { 'x-amz-target': 'AmazonAthena.MadeUp' }, 'POST');
    const { families } = await scrape(server);
    const values = [...families.values()].flatMap(({ samples }) =>
      samples.flatMap(({ labels }) => Object.values(labels)),
    );
    expect(values.filter((value) => /made-?up/i.test(value))).toEqual([]);
    expect(values).toContain('other');
    expect(values.filter((value) => value.includes(MISSING))).toEqual([]);
  });

  it('is the bytes of S3 both ways, and the statements of the state database', async () => {
    const before = await scrape(server);
    const bytes = async (direction: string) =>
      (await scrape(server)).value('parthenon_s3_served_bytes_total', { direction }) ?? 0;
    const [received, sent] = [await bytes('received'), await bytes('sent')];
    const place = { Bucket: 'metrics', Key: 'a' };
    // More than goes out in one write.
    await server.s3.send(new PutObjectCommand({ ...place, Body: Buffer.alloc(700_000) }));
    await (await server.s3.send(new GetObjectCommand(place))).Body?.transformToByteArray();
    expect((await bytes('received')) - received).toBe(700_000);
    expect((await bytes('sent')) - sent).toBe(700_000);
    const after = await scrape(server);
    const statements = { statement: 'select' };
    const name = 'parthenon_store_statement_duration_seconds_count';
    expect(after.value(name, statements)).toBeGreaterThan(before.value(name, statements) ?? 0);
    expect(after.value('parthenon_store_up')).toBe(1);
    expect(after.value('parthenon_store_outages_total')).toBe(0);
  });

  it('is every connection while it is open', async () => {
    const open = async () => (await scrape(server)).value('parthenon_connections') ?? 0;
    const before = await open();
    const { hostname, port } = new URL(server.endpoint);
    const sockets = [connect(Number(port), hostname), connect(Number(port), hostname)];
    await until(async () => (await open()) >= before + 2, 10_000);
    const during = await open();
    for (const socket of sockets) socket.destroy();
    await until(async () => (await open()) <= during - 2, 10_000);
    expect((await scrape(server)).value('parthenon_connections_refused_total', { what: 'refused' })).toBe(0);
  });

  it('is a session that is refused, by cause', async () => {
    const refused = { SparkProperties: { 'spark.master': 'x' } };
    const { SessionId } = await server.athena.send(
      new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: refused }),
    );
    await waitForSession(server, SessionId as string, ['FAILED']);
    const after = await scrape(server);
    expect(after.value('parthenon_session_start_failures_total', { cause: 'refused' })).toBe(1);
    expect(after.value('parthenon_sessions_ended_total', { state: 'FAILED' })).toBe(1);
    expect(after.value('parthenon_sessions', { state: 'CREATING' })).toBe(0);
  });
});
