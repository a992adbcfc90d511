import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GetCalculationExecutionStatusCommand, StartSessionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  run,
  sessionState,
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { newHome, startTestServer, type TestServer, until } from '../support/server.ts';

/** Of the file systems that a full disk is shown on; what is not mounted lies on one that cannot be filled. */
const MEBIBYTES = { state: 8, objects: 16, drivers: 256 };
const mountable = canMount();
const BACK_MILLIS = 60_000;

/** One server, and one session in it that goes through all of it; another that must not be touched. */
let server: TestServer;
let sessionId: string;
let other: string;
let home: string;

beforeAll(async () => {
  home = newHome();
  for (const [name, size] of Object.entries(MEBIBYTES)) {
    mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
    if (mountable) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', join(home, name)]);
  }
  server = await startTestServer({ 'database-url': `sqlite:${join(home, 'state', 'state.db')}` }, home);
  [sessionId, other] = await Promise.all([startIdleSession(server), startIdleSession(server)]);
  await run(server, other, 'untouched = 1');
});
afterAll(async () => {
  await server?.stop();
  if (mountable) for (const name of Object.keys(MEBIBYTES)) execFileSync('umount', ['--lazy', join(home, name)]);
  rmSync(home, { recursive: true, force: true });
});

const statusOf = async (CalculationExecutionId: string) =>
  (await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }))).Status;

const start = () => server.athena.send(new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: {} }));

describe.skipIf(!mountable)(
  `a full disk${mountable ? '' : ' (not tested: file systems cannot be mounted here)'}`,
  () => {
    const filler = (name: string) => join(home, name, 'filler');

    function fill(name: keyof typeof MEBIBYTES): void {
      for (let bytes = 1024 * 1024; bytes >= 512; bytes /= 2) {
        try {
          for (;;) writeFileSync(filler(name), Buffer.alloc(bytes), { flag: 'a' });
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
        }
      }
    }
    const empty = (name: keyof typeof MEBIBYTES) => rmSync(filler(name), { force: true });
    afterEach(() => {
      for (const name of Object.keys(MEBIBYTES)) empty(name as keyof typeof MEBIBYTES);
    });

    it('of the state database: calls fail as ones to repeat, and what happens meanwhile is recorded once there is room', async () => {
      const calculation = await startCalculation(server, sessionId, 'import time\ntime.sleep(2)\nprint("there")');
      fill('state');
      await expect(start()).rejects.toMatchObject({
        name: 'InternalServerException',
        $metadata: { httpStatusCode: 500 },
      });
      await until(() => server.log().includes('Background work waits for the state database'), BACK_MILLIS);
      expect((await statusOf(calculation))?.State).toBe('RUNNING');
      empty('state');
      expect(await waitForCalculation(server, calculation)).toMatchObject({
        Status: { State: 'COMPLETED' },
        stdout: 'there\n',
      });
      expect(await sessionState(server, sessionId)).toBe('IDLE');
    });

    it('of the embedded S3: clients are refused, and results wait until there is room', async () => {
      await server.s3.send(new CreateBucketCommand({ Bucket: 'full' }));
      fill('objects');
      const put = new PutObjectCommand({ Bucket: 'full', Key: 'much', Body: Buffer.alloc(100_000) });
      await expect(server.s3.send(put)).rejects.toThrow(/disk of the object store is full/);
      const calculation = await startCalculation(server, sessionId, 'print("x" * 100_000)');
      await until(
        async () => /disk of the object store is full/.test((await statusOf(calculation))?.StateChangeReason ?? ''),
        BACK_MILLIS,
      );
      expect((await statusOf(calculation))?.State).toBe('RUNNING');
      empty('objects');
      const ended = await waitForCalculation(server, calculation);
      expect(ended).toMatchObject({ Status: { State: 'COMPLETED' }, stdout: `${'x'.repeat(100_000)}\n` });
      await server.s3.send(put);
    });

    it('of the spool: the calculation fails with the reason, and its session goes on', async () => {
      fill('drivers');
      const calculation = await startCalculation(server, sessionId, 'kept = 7\nprint("x" * 1_000_000)');
      const { Status } = await waitForCalculation(server, calculation);
      expect(Status).toMatchObject({
        State: 'FAILED',
        StateChangeReason: expect.stringMatching(/No space left on device/),
      });
      expect(await sessionState(server, sessionId)).toBe('IDLE');
      const { SessionId } = await start();
      const { StateChangeReason } = await waitForSession(server, SessionId as string, ['FAILED']);
      expect(StateChangeReason).toMatch(/no space left on device/i);
      empty('drivers');
      expect((await run(server, sessionId, 'print(kept)')).stdout).toBe('7\n');
    });
  },
);

describe('memory', () => {
  it('that Python does not get fails the calculation, and its session goes on', async () => {
    const { Status } = await run(server, sessionId, 'kept = 8\nmuch = bytearray(2**46)');
    expect(Status).toMatchObject({ State: 'FAILED', StateChangeReason: 'MemoryError' });
    expect((await run(server, sessionId, 'print(kept)')).stdout).toBe('8\n');
  });

  it('that the JVM has no more of fails calculation and session with the reason, and no other', async () => {
    const code = 'kept = [sc._jvm.java.nio.ByteBuffer.allocate(2**27) for _ in range(64)]';
    const { Status } = await run(server, sessionId, code);
    const reason = /^The Spark driver JVM ended with exit code 3 \(out of memory\)/;
    expect(Status).toMatchObject({ State: 'FAILED', StateChangeReason: expect.stringMatching(reason) });
    const session = await waitForSession(server, sessionId, ['FAILED']);
    expect(session.StateChangeReason).toMatch(reason);
    expect((await run(server, other, 'print(untouched)')).stdout).toBe('1\n');
  });
});

it('the state database is whole after all of it, and after a kill', async () => {
  await server.stop('SIGKILL');
  const database = new DatabaseSync(join(home, 'state', 'state.db'));
  expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  database.close();
  server = await startTestServer({ 'database-url': `sqlite:${join(home, 'state', 'state.db')}` }, home);
});

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
