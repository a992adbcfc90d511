import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetSessionCommand, StopCalculationExecutionCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { allOutside, WHO_AM_I } from '../support/processes.ts';

const GRACE_SECONDS = 2;
const SETTINGS = { 'interrupt-grace-seconds': String(GRACE_SECONDS) };

/** One server after the other on one home and one port, as a restart is. */
let server: TestServer;
let sessionId: string;
/** Where the session's code works: a folder that the test sees too. */
let work: string;
beforeAll(async () => {
  server = await startTestServer(SETTINGS);
  sessionId = await startIdleSession(server);
  work = (await run(server, sessionId, 'import os; print(os.getcwd())')).stdout.trim();
}, 120_000);
afterAll(async () => await server.remove());

async function killAndStartAgain(between: () => Promise<void> | void = () => undefined): Promise<void> {
  const { home, endpoint } = server;
  await server.stop('SIGKILL');
  await between();
  server = await startTestServer({ ...SETTINGS, port: new URL(endpoint).port }, home);
}

/** Code that runs until a file is there, and says so by another. */
const waitFor = (marker: string) => `import os, time
open("${marker}.started", "w").close()
while not os.path.exists("${marker}"):
    time.sleep(0.05)
print("seen")`;

describe('a session whose server is killed', () => {
  it('goes on in the next one, with its variables, its Spark and its keys to S3', async () => {
    await run(server, sessionId, 'kept = 41\nspark.range(3).createOrReplaceTempView("numbers")');
    const before = await server.athena.send(new GetSessionCommand({ SessionId: sessionId }));
    const [driverId = ''] = readdirSync(join(server.home, 'drivers'));
    const spool = join(server.home, 'drivers', driverId, 'spool');
    // As a server leaves it that is killed right after it has recorded a calculation's end.
    await killAndStartAgain(() => mkdirSync(join(spool, randomUUID())));
    expect(await sessionState(server, sessionId)).toBe('IDLE');
    expect(readdirSync(spool)).toEqual([]);
    const after = await server.athena.send(new GetSessionCommand({ SessionId: sessionId }));
    expect(after.Status?.StartDateTime).toEqual(before.Status?.StartDateTime);
    const code = `spark.range(5).write.mode("overwrite").parquet("s3://aws-athena-query-results-123456789012-us-east-1/kept")
print(kept + 1, spark.table("numbers").count())`;
    expect(await run(server, sessionId, code)).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: '42 3\n' });
  });

  it('has its calculation seen through, which ran on meanwhile, and which is not run again', async () => {
    const marker = join(work, 'go-on');
    const calculation = await startCalculation(
      server,
      sessionId,
      `${waitFor(marker)}\ntimes = globals().get("times", 0) + 1`,
    );
    await until(() => existsSync(`${marker}.started`), 30_000);
    await killAndStartAgain();
    expect(await sessionState(server, sessionId)).toBe('BUSY');
    writeFileSync(marker, '');
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'seen\n',
    });
    expect((await run(server, sessionId, 'print(times)')).stdout).toBe('1\n');
  });

  it('has the results of a calculation that ended while there was no server', async () => {
    const marker = join(work, 'alone');
    const done = join(work, 'alone.done');
    const calculation = await startCalculation(server, sessionId, `${waitFor(marker)}\nopen("${done}", "w").close()`);
    await until(() => existsSync(`${marker}.started`), 30_000);
    await killAndStartAgain(async () => {
      writeFileSync(marker, '');
      await until(() => existsSync(done), 30_000);
    });
    expect(await waitForCalculation(server, calculation)).toMatchObject({
      Status: { State: 'COMPLETED' },
      stdout: 'seen\n',
    });
    expect(await sessionState(server, sessionId)).toBe('IDLE');
  });

  it('takes a stop of its calculation from the next one', async () => {
    const marker = join(work, 'never');
    const calculation = await startCalculation(server, sessionId, waitFor(marker));
    await until(() => existsSync(`${marker}.started`), 30_000);
    await killAndStartAgain();
    await server.athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId: calculation }));
    expect((await waitForCalculation(server, calculation)).Status?.State).toBe('CANCELED');
    // Code that had not stopped by now would have lost its driver.
    await sleep(GRACE_SECONDS * 1000 + 500);
    expect(await sessionState(server, sessionId)).toBe('IDLE');
  });

  it('is left alone by a start that fails, and goes on in the one after that', async () => {
    const { home, endpoint } = server;
    const port = Number(new URL(endpoint).port);
    await killAndStartAgain(async () => {
      const taker = createServer().listen(port, '127.0.0.1');
      await once(taker, 'listening');
      await expect(startTestServer({ port: String(port) }, home)).rejects.toThrow(`Port ${port} is in use`);
      taker.close();
      await once(taker, 'close');
    });
    expect(await sessionState(server, sessionId)).toBe('IDLE');
    expect((await run(server, sessionId, 'print(kept)')).stdout).toBe('41\n');
  });

  it('runs a calculation once that is sent while the next server still looks for its driver', async () => {
    const [pid = 0] = allOutside((await run(server, sessionId, WHO_AM_I)).stdout);
    const before = server;
    let sent: Promise<string> | undefined;
    await killAndStartAgain(() => {
      // It answers the next server when it may go on, not before.
      process.kill(pid, 'SIGSTOP');
      sent = sendEarly(before, pid);
    });
    const calculation = await waitForCalculation(server, await (sent as Promise<string>));
    expect(calculation).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: '1\n' });
    expect((await run(server, sessionId, 'print(again)')).stdout).toBe('1\n');
  });

  it('fails with the reason where its driver died meanwhile, also when the process id is another process’s by now', async () => {
    const doomed = await startIdleSession(server);
    const [pid = 0] = allOutside((await run(server, doomed, WHO_AM_I)).stdout);
    await killAndStartAgain(async () => {
      process.kill(pid, 'SIGKILL');
      await until(() => !existsSync(`/proc/${pid}/exe`) || isZombie(pid), 10_000);
    });
    const status = await waitForSession(server, doomed, ['FAILED']);
    expect(status.StateChangeReason).toBe(
      'The server stopped while the session was active, and its driver was not to be found again.',
    );
    expect(await sessionState(server, sessionId)).toBe('IDLE');
  });

  it('ends with its driver when the next one terminates it', async () => {
    const [pid = 0] = allOutside((await run(server, sessionId, WHO_AM_I)).stdout);
    await killAndStartAgain();
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    await waitForSession(server, sessionId, ['TERMINATED']);
    expect(existsSync(`/proc/${pid}`) && !isZombie(pid)).toBe(false);
  });
});

/** Sends a calculation as soon as the next server listens, then has the driver go on. */
async function sendEarly(before: TestServer, pid: number): Promise<string> {
  const listens = () => fetch(`${before.endpoint}/health/live`).then(Boolean, () => false);
  await until(listens, 30_000);
  const reply = startCalculation(before, sessionId, 'again = globals().get("again", 0) + 1\nprint(again)');
  await sleep(500);
  process.kill(pid, 'SIGCONT');
  return await reply;
}

function isZombie(pid: number): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(')')[1] ?? '');
}
