import { rmSync } from 'node:fs';
import { AthenaClient, GetSessionStatusCommand } from '@aws-sdk/client-athena';
import { S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import { type Clients, startIdleSession, waitForSession } from '../support/calculations.ts';
import { newHome, until } from '../support/server.ts';

const HOUR = 3_600_000;
const SEEN_MILLIS = 30_000;

/** A clock that can be set, and a time that can be made to pass. */
class SetClock implements Clock {
  set = 0;
  passed = 0;
  readonly wall = () => Date.now() + this.set + this.passed;
  readonly steady = () => performance.now() + this.passed;
}

const clock = new SetClock();
const home = newHome();
let server: RunningServer;
let client: Clients;

beforeAll(async () => {
  const flags = { home, port: '0', poolSize: '0', catalog: 'off' };
  const { config } = loadConfig(flags, { PARTHENON_RUNTIME: process.env.PARTHENON_RUNTIME });
  server = await startServer(config, pino({ level: 'silent' }), clock);
  const { endpoint, keys } = server;
  const options = { endpoint, region: config.region, credentials: keys.administrator };
  client = { athena: new AthenaClient(options), s3: new S3Client({ ...options, forcePathStyle: true }) };
});
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true, force: true });
});

it('a clock that is set ends no idle session, whichever way; time that passes does', async () => {
  const SessionId = await startIdleSession(client, { SessionIdleTimeoutInMinutes: 1 });
  const status = async () => (await client.athena.send(new GetSessionStatusCommand({ SessionId }))).Status;
  const idleSince = async () => (await status())?.IdleSinceDateTime?.getTime() ?? 0;
  const before = await idleSince();
  for (const hours of [5, -9]) {
    const was = await idleSince();
    clock.set += hours * HOUR;
    // The sweep that has seen it has also looked for sessions that were idle for too long.
    await until(async () => Math.abs((await idleSince()) - was - hours * HOUR) < 1_000, SEEN_MILLIS);
    expect((await status())?.State).toBe('IDLE');
  }
  expect(Math.abs((await idleSince()) - before + 4 * HOUR)).toBeLessThan(2_000);
  clock.passed += 70_000;
  expect((await waitForSession(client, SessionId, ['TERMINATED'])).StateChangeReason).toBe(
    'Session was terminated per request',
  );
});
