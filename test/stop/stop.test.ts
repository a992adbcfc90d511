import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GetSessionStatusCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastEndpoint } from '../../src/access/keys.ts';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  workingFolder,
} from '../support/calculations.ts';
import { cleanEnvironment, newHome, startTestServer, type TestServer, until } from '../support/server.ts';

const execute = promisify(execFile);
const cli = resolve(import.meta.dirname, '..', '..', 'src', 'cli.ts');
const WAIT_MILLIS = 60_000;

/** Starts a command in a terminal of its own, and closes that once the command serves. */
const IN_A_TERMINAL = `import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"Stop with Ctrl-C" not in seen:
    seen += os.read(terminal, 4096)
os.close(terminal)`;

const stop = async (home: string, ...flags: string[]) =>
  (await execute(process.execPath, [cli, 'stop', '--home', home, ...flags], { env: cleanEnvironment() })).stdout;

/** One server after the other on one home and one port. */
let server: TestServer;
let sessionId: string;
beforeAll(async () => {
  server = await startTestServer();
  sessionId = await startIdleSession(server);
});
afterAll(async () => await server?.remove());

async function startAgain(): Promise<void> {
  const { home, endpoint } = server;
  server = await startTestServer({ port: new URL(endpoint).port }, home);
}

/** Starts code that runs until its marker is there. @returns the calculation, and the marker */
async function startWaiting(name: string): Promise<{ calculation: string; marker: string }> {
  const marker = join(workingFolder(server), name);
  const code = `import os, time
open("${name}.started", "w").close()
while not os.path.exists("${name}"):
    time.sleep(0.05)
print("seen")`;
  const calculation = await startCalculation(server, sessionId, code);
  await until(() => existsSync(`${marker}.started`), WAIT_MILLIS);
  return { calculation, marker };
}

describe('SIGHUP', () => {
  it('leaves the server running', async () => {
    server.process.kill('SIGHUP');
    await until(() => server.log().includes('SIGHUP: the server goes on'), WAIT_MILLIS);
    expect(await sessionState(server, sessionId)).toBe('IDLE');
  });

  it('of a terminal that is closed ends nothing, nor does the log that has nowhere to go any more', async () => {
    const home = newHome();
    const args = [cli, 'start', '--home', home, '--port', '0', '--pool-size', '0', '--catalog', 'off'];
    await execute(locateRuntime().python, ['-c', IN_A_TERMINAL, process.execPath, ...args], {
      env: cleanEnvironment(),
    });
    const endpoint = lastEndpoint(home);
    for (let asked = 0; asked < 3; asked += 1) expect((await fetch(`${endpoint}/health/live`)).status).toBe(200);
    expect(await stop(home)).toBe('Stopped.\n');
  });
});

describe('parthenon stop --now', () => {
  it('ends the server alone: sessions, their variables and what runs are the next one’s', async () => {
    await run(server, sessionId, 'kept = 41');
    const { calculation, marker } = await startWaiting('upgrade');
    expect(await stop(server.home, '--now')).toBe('Stopped. Sessions go on; the next start takes them back.\n');
    expect(await server.stop()).toBe(0);
    writeFileSync(marker, '');
    await startAgain();
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'seen\n',
    });
    expect((await run(server, sessionId, 'print(kept + 1)')).stdout).toBe('42\n');
  });
});

describe('parthenon stop --drain', () => {
  it('takes nothing new, waits for what runs, and then terminates sessions', async () => {
    const { calculation, marker } = await startWaiting('drain');
    const stopped = stop(server.home, '--drain');
    await until(async () => (await fetch(`${server.endpoint}/health/ready`)).status === 503, WAIT_MILLIS);
    const refused = {
      name: 'ServiceUnavailableException',
      message: expect.stringContaining('The server is being stopped'),
      $metadata: { httpStatusCode: 503 },
    };
    const start = new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} });
    await expect(server.athena.send(start)).rejects.toMatchObject(refused);
    await expect(startCalculation(server, sessionId, '1')).rejects.toMatchObject(refused);
    expect(await sessionState(server, sessionId)).toBe('BUSY');
    writeFileSync(marker, '');
    expect(await stopped).toBe('Stopped.\n');
    expect(await server.stop()).toBe(0);
    await startAgain();
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'seen\n',
    });
    const { Status } = await server.athena.send(new GetSessionStatusCommand({ SessionId: sessionId }));
    expect(Status).toMatchObject({ State: 'TERMINATED', StateChangeReason: 'The server was stopped' });
  });

  it('waits no longer than --timeout, and no longer than until the next stop', async () => {
    for (const end of [
      () => stop(server.home, '--drain', '--timeout', '1'),
      async () => {
        const draining = stop(server.home, '--drain');
        await until(() => server.log().includes('"how":"drain"'), WAIT_MILLIS);
        // Sooner it would be taken for the same signal once more.
        await sleep(1_100);
        await stop(server.home);
        return await draining;
      },
    ]) {
      sessionId = await startIdleSession(server);
      const { calculation } = await startWaiting(`never-${sessionId}`);
      expect(await end()).toBe('Stopped.\n');
      await startAgain();
      expect((await waitForCalculation(server, calculation)).Status?.State).toBe('CANCELED');
    }
  });
});

describe('parthenon stop', () => {
  it('says that no server runs there, also where the process id is another’s by now', async () => {
    const home = newHome();
    const refused = { code: 1, stderr: `parthenon: No server runs on ${home}.\n` };
    await expect(stop(home)).rejects.toMatchObject(refused);
    writeFileSync(join(home, 'server.json'), JSON.stringify({ pid: process.pid, startTicks: '1' }));
    await expect(stop(home)).rejects.toMatchObject(refused);
  });
});
