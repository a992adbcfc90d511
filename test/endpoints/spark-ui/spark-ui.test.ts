import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  GetResourceDashboardCommand,
  GetSessionEndpointCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { KeyRing } from '../../../src/access/keys.ts';
import { SessionTokens } from '../../../src/endpoints/session-tokens.ts';
import { processesOf } from '../../catalog/processes.ts';
import { openBrowser, type TestBrowser } from '../../support/browser.ts';
import {
  run,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../../support/calculations.ts';
import { listeningAddresses, portOnLoopback } from '../../support/listening.ts';
import { startTestServer, type TestServer, until } from '../../support/server.ts';

const WORK = `
from pyspark.sql.functions import col
counted = spark.range(1000).groupBy((col("id") % 7).alias("part")).count()
sc.setJobDescription("Parts of a thousand <b>&amp;</b>")
counted.collect()
sc.setJobDescription(None)
spark.range(10).cache().count()
ticks = spark.readStream.format("rate").load().writeStream.format("noop").queryName("ticks")
ticks = ticks.trigger(processingTime="10 seconds").start()
print(sc.uiWebUrl)
`;

let server: TestServer;
let browser: TestBrowser;
let sessionId: string;
/** What `WORK` printed: whether there was a UI before anybody asked for one. */
let uiBefore: string;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startTestServer()]);
  sessionId = await startIdleSession(server, {
    EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: { 'spark.sql.shuffle.partitions': '7' } },
  });
  uiBefore = (await run(server, sessionId, WORK)).stdout;
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.remove();
});

const arnOf = (id: string, workGroup = 'primary') =>
  `arn:aws:athena:us-east-1:123456789012:workgroup/${workGroup}/session/${id}`;

async function dashboard(ResourceARN: string): Promise<string> {
  return (await server.athena.send(new GetResourceDashboardCommand({ ResourceARN }))).Url ?? '';
}

const addressOf = (path: string) => `${server.endpoint}/spark-ui/${sessionId}${path}`;

/** Tokens as this server makes them. */
function tokens(minutes = 60): SessionTokens {
  const keys = new KeyRing({ home: server.home, accountId: '123456789012', findSession: async () => undefined });
  return new SessionTokens(keys.derivedKey('spark-ui'), minutes * 60_000);
}

/** A request as a script makes it. */
async function get(path: string, token?: string, init: RequestInit = {}): Promise<Response> {
  const cookie = token === undefined ? {} : { cookie: `parthenon-spark-ui=${token}` };
  return await fetch(addressOf(path), { redirect: 'manual', ...init, headers: { ...cookie, ...init.headers } });
}

/** Goes on by a link of the page's, and waits until all of the next has come. */
async function follow(page: Page, link: string): Promise<void> {
  await page.getByRole('link', { name: link, exact: true }).first().click();
  await page.waitForLoadState('networkidle');
}

describe('GetResourceDashboard', () => {
  it('answers a URL of the server with a token of the session', async () => {
    const url = new URL(await dashboard(arnOf(sessionId)));
    expect(`${url.origin}${url.pathname}`).toBe(`${server.endpoint}/spark-ui/${sessionId}/`);
    expect(tokens().read(url.searchParams.get('token') ?? '')).toEqual({ sessionId, expired: false });
  });

  it.each([
    ['another session', () => arnOf(randomUUID()), 'ResourceNotFoundException'],
    ['another workgroup', () => arnOf(sessionId, 'other'), 'ResourceNotFoundException'],
    ['a workgroup', () => arnOf(sessionId).replace(/\/session.*/, ''), 'InvalidRequestException'],
    ['another account', () => arnOf(sessionId).replace('123456789012', '210987654321'), 'InvalidRequestException'],
    ['no ARN', () => 'x', 'InvalidRequestException'],
  ])('knows nothing of %s', async (_, arn, name) => {
    await expect(dashboard(arn())).rejects.toMatchObject({ name });
  });
});

describe('a session that runs', () => {
  it('has no UI until somebody looks, and then one on the loopback interface that nobody else is answered by', async () => {
    expect(uiBefore).toBe('None\n');
    expect((await get('/jobs/', tokens().issue(sessionId).token)).status).toBe(200);
    const asks = `import urllib.request, urllib.error
for headers in [{}, {"x-parthenon-secret": "guessed"}]:
    try: urllib.request.urlopen(urllib.request.Request(sc.uiWebUrl + "/jobs/", headers=headers))
    except urllib.error.HTTPError as error: print(error.code)
print(sc.uiWebUrl)
print(sc._jsc.sc().statusStore().applicationInfo().attempts().head().startTime().getTime())`;
    const { stdout } = await run(server, sessionId, asks);
    const [first, second, url = '', since] = stdout.split('\n');
    expect([first, second]).toEqual(['403', '403']);
    // Uptime is the session's, not that of a SparkContext that has waited for it.
    const applications = await (await get('/api/v1/applications', tokens().issue(sessionId).token)).json();
    expect(applications).toMatchObject([{ attempts: [{ startTimeEpoch: Number(since) }] }]);
    const { port } = new URL(url);
    for (const path of ['/', '/jobs/', '/api/v1/applications', '/static/webui.js', '/environment/']) {
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(403);
    }
    expect(listeningAddresses(Number(port))).toEqual(['127.0.0.1']);
  });

  it('shows all its pages in a browser, from which the token has gone out of the address', async () => {
    const page = await browser.context.newPage();
    await page.goto(await dashboard(arnOf(sessionId)), { waitUntil: 'networkidle' });
    expect(page.url()).toBe(addressOf('/jobs/'));
    await page.locator('#completedJob-table').getByText('Parts of a thousand').first().waitFor();
    await browser.picture(page, 'live-jobs');

    await page.locator('#completedJob-table a.name-link').last().click();
    await page.waitForLoadState('networkidle');
    await page.getByText('Details for Job 0').waitFor();
    await browser.picture(page, 'live-job');

    await follow(page, 'Stages');
    await page.getByText('Completed Stages').first().waitFor();
    await page.locator('#completedStage-table a.name-link').last().click();
    await page.waitForLoadState('networkidle');
    // Its tables come by the REST API.
    await page.getByText('Summary Metrics').first().waitFor();
    await page.locator('#active-tasks-table tbody tr').first().waitFor();
    await browser.picture(page, 'live-stage');

    await follow(page, 'Storage');
    await page.getByText('Disk Memory Deserialized').first().waitFor();
    await follow(page, 'Environment');
    await page.getByText('spark.sql.shuffle.partitions').waitFor();
    expect(await page.content()).not.toMatch(/SecretFilter|x-parthenon/i);
    await browser.picture(page, 'live-environment');

    await follow(page, 'Executors');
    await page.locator('#active-executors-table tbody').getByText('driver').waitFor();
    await browser.picture(page, 'live-executors');
    await follow(page, 'Thread Dump');
    await page.getByText('Thread dump for executor driver').waitFor();

    await follow(page, 'SQL / DataFrame');
    await page.getByText('Completed Queries').first().waitFor();
    await page.locator('a[href$="/SQL/execution/?id=0"]').first().click();
    await page.waitForLoadState('networkidle');
    await page.locator('svg').getByText('HashAggregate').first().waitFor();
    await browser.picture(page, 'live-sql');

    await follow(page, 'Structured Streaming');
    const since = await page
      .getByRole('row', { name: 'ticks' })
      .getByText(/^\d{4}\/\d\d\/\d\d /)
      .innerText();
    expect(Math.abs(Date.parse(since) - Date.now())).toBeLessThan(300_000);
    await browser.picture(page, 'live-streaming');
    await page.close();
    expect(browser.problems()).toEqual([]);
  });

  it('lets scripts of its pages reach nothing but its own pages', async () => {
    const page = await browser.context.newPage();
    await page.goto(await dashboard(arnOf(sessionId)), { waitUntil: 'networkidle' });
    const reached = (path: string) =>
      page.evaluate(
        async (at) =>
          await fetch(at).then(
            () => true,
            () => false,
          ),
        path,
      );
    expect(await reached(`/spark-ui/${sessionId}/api/v1/version`)).toBe(true);
    for (const path of ['/health/live', `/spark-ui/${randomUUID()}/jobs/`, '/'])
      expect(await reached(path)).toBe(false);
    expect(await page.evaluate('window.open("/") === null')).toBe(true);
    await page.close();
    expect(browser.problems().length).toBeGreaterThan(0);
  });

  it('is shown by the same URL when the server was killed and another goes on with it', async () => {
    const { port } = new URL(server.endpoint);
    const { token } = tokens().issue(sessionId);
    await server.stop('SIGKILL');
    server = await startTestServer({ port }, server.home);
    expect((await get('/jobs/', token)).status).toBe(200);
    expect(await (await get('/jobs/', token)).text()).toContain('Parts of a thousand');
  });

  it('shows Spark Connect too, from when that runs', async () => {
    const { token } = tokens().issue(sessionId);
    expect(await (await get('/jobs/', token)).text()).not.toContain('/connect/');
    await server.athena.send(new GetSessionEndpointCommand({ SessionId: sessionId }));
    expect(await (await get('/connect/', token)).text()).toContain('Request Statistics');
  });

  it('lets who looks at a job not end it, and answers while it runs', async () => {
    const { token } = tokens().issue(sessionId);
    const code = 'ticks.stop(); sc.parallelize(range(2), 2).foreach(lambda _: __import__("time").sleep(600))';
    const calculation = await startCalculation(server, sessionId, code);
    const running = async () => {
      const reply = await get(`/api/v1/applications/${sessionId}/jobs?status=running`, token);
      const jobs = (await reply.json()) as { jobId: number; name: string }[];
      return jobs.filter(({ name }) => name.startsWith('foreach'));
    };
    await until(async () => (await running()).length === 1, 60_000);
    const jobId = (await running())[0]?.jobId;
    expect(await (await get('/jobs/', token)).text()).not.toContain('kill');
    expect((await get(`/jobs/job/kill/?id=${jobId}`, token)).headers.get('location')).toBe(
      `/spark-ui/${sessionId}/jobs/`,
    );
    expect((await get(`/jobs/job/kill/?id=${jobId}`, token, { method: 'POST' })).status).toBe(405);
    expect(await running()).toHaveLength(1);
    await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: calculation }));
    await waitForCalculation(server, calculation);
  });
});

describe('whoever asks', () => {
  const refusals: [string, () => string | undefined, string][] = [
    ['no token', () => undefined, 'This page needs a token'],
    ['a token of another session', () => tokens().issue(randomUUID()).token, 'another session'],
    ['an expired token', () => tokens().issue(sessionId, Date.now() - 3_600_001).token, 'expired'],
    ['a token that somebody made up', () => randomBytes(54).toString('base64url'), 'not one of this server'],
    [
      'a token for Spark Connect',
      () => {
        const keys = new KeyRing({ home: server.home, accountId: '123456789012', findSession: async () => undefined });
        return new SessionTokens(keys.derivedKey('connect'), 60_000).issue(sessionId).token;
      },
      'not one of this server',
    ],
  ];
  it.each(refusals)('with %s is refused, in a sentence', async (_, token, sentence) => {
    const given = token();
    const byQuery = given === undefined ? '' : `?token=${given}`;
    for (const reply of [
      await get('/jobs/', given),
      await get(`/jobs/${byQuery}`),
      await get(`/static/webui.js${byQuery}`),
    ]) {
      expect(reply.status).toBe(403);
      expect(await reply.text()).toContain(sentence);
    }
  });

  it('reads pages and the REST API by a script, with the token in the query or in the cookie', async () => {
    const { token } = tokens().issue(sessionId);
    for (const reply of [await get('/api/v1/applications', token), await get(`/api/v1/applications?token=${token}`)]) {
      expect(reply.status).toBe(200);
      expect(await reply.json()).toMatchObject([{ id: sessionId, attempts: [{ completed: false }] }]);
    }
  });

  it('gets the token as a cookie for this session’s pages alone, and pages that reach nothing else here', async () => {
    const url = await dashboard(arnOf(sessionId));
    const reply = await fetch(`${url}&showIncomplete=x`, { redirect: 'manual', headers: { accept: 'text/html' } });
    expect(reply.status).toBe(302);
    expect(reply.headers.get('location')).toBe(`/spark-ui/${sessionId}/?showIncomplete=x`);
    expect(reply.headers.get('set-cookie')).toMatch(
      new RegExp(`^parthenon-spark-ui=[\\w-]{72}; Path=/spark-ui/${sessionId}/; HttpOnly; SameSite=Lax$`),
    );
    const page = await get('/jobs/', tokens().issue(sessionId).token);
    const policy = page.headers.get('content-security-policy');
    const own = `${new URL(server.endpoint).host}/spark-ui/${sessionId}/`;
    expect(policy).toContain(`connect-src ${own};`);
    expect(policy).toContain("default-src 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    expect([...page.headers.keys()].filter((name) => name.startsWith('x-parthenon') || name === 'set-cookie')).toEqual(
      [],
    );
  });

  it('changes neither where links lead nor whom Spark believes', async () => {
    const headers = { 'x-forwarded-context': '/evil', 'x-parthenon-secret': 'guessed' };
    const reply = await get('/jobs/', tokens().issue(sessionId).token, { headers });
    expect(reply.status).toBe(200);
    expect(await reply.text()).not.toContain('evil');
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('is refused %s', async (method) => {
    const reply = await get('/jobs/', tokens().issue(sessionId).token, { method });
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('finds no way out of Spark’s pages', async () => {
    const { token } = tokens().issue(sessionId);
    for (const path of ['/static/..%2f..%2fx', '/jobs;a=b/', '/%5cevil.example/']) {
      expect((await get(path, token)).status).toBe(404);
    }
  });
});

test('a bucket named spark-ui is S3’s', async () => {
  const object = { Bucket: 'spark-ui', Key: `${sessionId}/jobs/` };
  await server.s3.send(new CreateBucketCommand({ Bucket: 'spark-ui' }));
  await server.s3.send(new PutObjectCommand({ ...object, Body: 'ours' }));
  expect(await (await server.s3.send(new GetObjectCommand(object))).Body?.transformToString()).toBe('ours');
});

describe('a session that has ended', () => {
  beforeAll(async () => {
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    await waitForSession(server, sessionId, ['TERMINATED']);
  });
  const historyProcesses = () => processesOf(join(server.home, 'history'));

  it('shows all its pages in a browser', async () => {
    expect(historyProcesses()).toHaveLength(0);
    const page = await browser.context.newPage();
    await page.goto(await dashboard(arnOf(sessionId)), { waitUntil: 'networkidle' });
    const base = addressOf(`/history/${sessionId}`);
    expect(page.url()).toBe(`${base}/jobs/`);
    await page.locator('#completedJob-table').getByText('Parts of a thousand').first().waitFor();
    await browser.picture(page, 'ended-jobs');
    await page.locator('#completedJob-table a.name-link').last().click();
    await page.waitForLoadState('networkidle');
    await page.getByText('Details for Job 0').waitFor();

    await follow(page, 'Stages');
    await page.locator('#completedStage-table a.name-link').last().click();
    await page.waitForLoadState('networkidle');
    await page.locator('#active-tasks-table tbody tr').first().waitFor();
    await browser.picture(page, 'ended-stage');
    await follow(page, 'Environment');
    await page.getByText('spark.sql.shuffle.partitions').waitFor();
    expect(await page.content()).not.toMatch(/SecretFilter|x-parthenon/i);
    await browser.picture(page, 'ended-environment');
    await follow(page, 'Executors');
    await page.locator('#active-executors-table tbody').getByText('driver').waitFor();
    await browser.picture(page, 'ended-executors');
    await follow(page, 'SQL / DataFrame');
    await page.locator('a[href$="/SQL/execution/?id=0"]').first().click();
    await page.waitForLoadState('networkidle');
    await page.locator('svg').getByText('HashAggregate').first().waitFor();
    await browser.picture(page, 'ended-sql');
    await follow(page, 'Structured Streaming');
    await page.getByText('ticks').waitFor();
    await page.close();
    expect(browser.problems()).toEqual([]);
  });

  it('is found by the addresses that it had while it ran', async () => {
    const { token } = tokens().issue(sessionId);
    for (const [from, to] of [
      ['/', '/jobs/'],
      ['/stages/stage/?id=0&attempt=0', '/stages/stage/?id=0&attempt=0'],
    ]) {
      const reply = await get(from as string, token);
      expect([reply.status, reply.headers.get('location')]).toEqual([
        302,
        `/spark-ui/${sessionId}/history/${sessionId}${to}`,
      ]);
    }
    const application = await get(`/api/v1/applications/${sessionId}`, token);
    expect(await application.json()).toMatchObject({ id: sessionId, attempts: [{ completed: true }] });
  });

  it('shows a token’s holder nothing of other sessions', async () => {
    const { token } = tokens().issue(sessionId);
    const other = randomUUID();
    const paths = [
      '/api/v1/applications',
      `/api/v1/applications/${other}/jobs`,
      `/history/${other}/jobs/`,
      '/history/',
    ];
    for (const path of paths) expect((await get(path, token)).status).toBe(403);
    expect((await fetch(addressOf(`/history/${sessionId}/jobs/`))).status).toBe(403);
  });

  it('is shown by a process that nobody else is answered by, and that is started again', async () => {
    const [history] = historyProcesses();
    const port = portOnLoopback(history?.pid as number);
    for (const path of ['/', `/history/${sessionId}/jobs/`, '/api/v1/applications']) {
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(403);
    }
    expect(`${history?.command}${history?.environment}`).not.toMatch(/secret|proof/i);
    process.kill(history?.pid as number, 'SIGKILL');
    const reply = await get(`/history/${sessionId}/jobs/`, tokens().issue(sessionId).token, { redirect: 'follow' });
    expect([reply.status, (await reply.text()).includes('Parts of a thousand')]).toEqual([200, true]);
    expect(historyProcesses().map(({ pid }) => pid)).not.toContain(history?.pid);
  });

  it('leaves no process behind when the server is killed', async () => {
    expect(historyProcesses()).toHaveLength(1);
    await server.stop('SIGKILL');
    await until(() => historyProcesses().length === 0, 30_000);
  });
});
