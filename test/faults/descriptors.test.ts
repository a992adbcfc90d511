import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

const BACK_MILLIS = 60_000;

let server: TestServer;
let sessionId: string;
let other: string;

beforeAll(async () => {
  server = await startTestServer();
  [sessionId, other] = await Promise.all([startIdleSession(server), startIdleSession(server)]);
});
afterAll(async () => await server?.remove());

describe('descriptors', () => {
  const prlimit = (...args: readonly string[]) =>
    execFileSync('prlimit', ['--pid', String(server.process.pid), ...args], { encoding: 'utf8' }).trim();
  const limit = (most: number | string) => prlimit(`--nofile=${most}:`);
  let enough: string | undefined;
  afterEach(() => {
    if (enough !== undefined) limit(enough);
  });
  const open = () => readdirSync(`/proc/${server.process.pid}/fd`).map(Number);
  /** The limit is one of their numbers: the next that is opened gets the lowest that is free. */
  const lowestFree = () => {
    const taken = new Set(open());
    let free = 0;
    while (taken.has(free)) free += 1;
    return free;
  };

  it('that have run out refuse connections and sessions, end nothing, and all goes on once they are back', async () => {
    const { endpoint, home } = server;
    await server.stop('SIGKILL');
    // The next server has to look for the ends of drivers that are not its children.
    server = await startTestServer({ port: new URL(endpoint).port }, home);
    const calculation = await startCalculation(server, sessionId, 'import time\ntime.sleep(4)\nprint("there")');
    const sockets: Socket[] = [];
    const { port } = new URL(endpoint);
    const before = open().length;
    enough = prlimit('--nofile', '--noheadings', '--output=SOFT');
    limit(lowestFree() + 4);
    for (let count = 0; count < 40; count += 1) {
      sockets.push(connect(Number(port), '127.0.0.1').on('error', () => undefined));
    }
    await until(() => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length >= 20, BACK_MILLIS);
    const refused = await fetch(`${endpoint}/health/live`).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    // So long that drivers are looked for many times, and the calculation ends.
    await sleep(5_000);
    for (const socket of sockets) socket.destroy();
    await until(() => open().length <= before, BACK_MILLIS);
    limit(lowestFree());
    const start = new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} });
    const { SessionId } = await server.athena.send(start);
    // Its driver's folder is made, which takes no descriptor; what lies in it takes one.
    await until(() => readdirSync(join(home, 'drivers')).length === 3, BACK_MILLIS);
    await sleep(1_000);
    limit(enough);
    const { StateChangeReason } = await waitForSession(server, String(SessionId), ['FAILED']);
    expect(StateChangeReason).toBe('The session could not be started: the server has too many open files (EMFILE).');
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'there\n',
    });
    for (const each of [sessionId, other]) expect(await sessionState(server, each)).toBe('IDLE');
    expect((await run(server, other, 'print(1)')).stdout).toBe('1\n');
  });
});
