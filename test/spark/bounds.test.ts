import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { markedProcesses } from '../../src/drivers/processes.ts';
import { noSandbox } from '../drivers/driver-fixture.ts';
import {
  type EndedCalculation,
  run,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';
import { expectAllRefused, TRY_ALL } from './attacks.ts';

const MEMORY_MEBIBYTES = 1536;
const DISK_MEBIBYTES = 256;
const PROCESSES = 600;

describe.skipIf(noSandbox !== undefined)(`the code of a session${noSandbox ? ` (not run: ${noSandbox})` : ''}`, () => {
  let server: TestServer;
  let victim: string;

  beforeAll(async () => {
    server = await startTestServer({
      sandbox: 'required',
      'max-memory-per-session': String(MEMORY_MEBIBYTES),
      'max-disk-per-session': String(DISK_MEBIBYTES),
      'max-processes-per-session': String(PROCESSES),
    });
    victim = await startIdleSession(server);
  });
  afterAll(async () => await server?.remove());

  /** Why a session was ended whose calculation took too much; and it leaves no process. */
  async function ended(sessionId: string, calculation: EndedCalculation, left: number): Promise<string> {
    expect(calculation.Status?.State).toBe('FAILED');
    const { StateChangeReason } = await waitForSession(server, sessionId, ['FAILED']);
    await until(() => driversLeft() === left, 20_000);
    return StateChangeReason ?? '';
  }

  /** Drivers of this server that have processes. */
  function driversLeft(): number {
    const ours = markedProcesses().filter(({ folder }) => folder.startsWith(server.home));
    return new Set(ours.map(({ driverId }) => driverId)).size;
  }

  test('multiplies within bounds, and is ended with all that it started', async () => {
    const before = driversLeft();
    const bomb = await startIdleSession(server);
    const calculation = await run(
      server,
      bomb,
      `
import os, time
for _ in range(4000):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
time.sleep(60)`,
    );
    if (process.getuid?.() === 0) {
      // Root's processes are counted by nobody but the server.
      expect(await ended(bomb, calculation, before)).toContain(`more than ${PROCESSES} processes and threads`);
    } else {
      expect(calculation.Status?.StateChangeReason).toMatch(/BlockingIOError|processes and threads/);
    }
    expect((await run(server, victim, 'print("alive")')).stdout).toBe('alive\n');
  });

  test('takes no more memory and disk than it may', async () => {
    const before = driversLeft();
    const greedy = await startIdleSession(server);
    const spoils = JSON.parse(
      (
        await run(
          server,
          greedy,
          `${TRY_ALL}
def write(size):
    with open("large", "wb") as file:
        for _ in range(size):
            file.write(bytes(2**20))
def sealed():
    file = open("/dev/shm/large", "wb")
    for _ in range(2 * ${MEMORY_MEBIBYTES} // 4):
        file.write(bytes(2**20))
try_all({"memory": lambda: len(bytearray(${2 * MEMORY_MEBIBYTES} * 2**20)), "disk": lambda: write(${2 * DISK_MEBIBYTES}), "shared memory": lambda: sealed()})
import os
os.remove("large")
os.remove("/dev/shm/large")`,
        )
      ).stdout,
    );
    expectAllRefused(spoils, 3);
    const disk = await run(
      server,
      greedy,
      `
import time
for number in range(3):
    with open(f"part-{number}", "wb") as file:
        for _ in range(${DISK_MEBIBYTES / 2}):
            file.write(bytes(2**20))
time.sleep(60)`,
    );
    expect(await ended(greedy, disk, before)).toContain(`more than ${DISK_MEBIBYTES} MiB of disk`);
    const memory = await run(
      server,
      victim,
      `
import os, time
shared = bytearray(300 * 2**20)
shared[::4096] = b"x" * len(range(0, len(shared), 4096))
pids = [os.fork() or (time.sleep(6), os._exit(0)) for _ in range(5)]
for pid in pids:
    os.waitpid(pid, 0)
print("what is shared counts once", flush=True)
del shared
for _ in range(3):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1) * (600 * 2**20))
        time.sleep(60)
        os._exit(0)
time.sleep(60)`,
    );
    // What a driver that was ended has put out follows its calculation's end.
    const kept = async () => (await waitForCalculation(server, memory.CalculationExecutionId ?? '')).stdout;
    await until(async () => (await kept()) !== '', 20_000);
    expect(await kept()).toBe('what is shared counts once\n');
    expect(await ended(victim, memory, before - 1)).toContain(`more than ${MEMORY_MEBIBYTES} MiB of memory`);
  });
});
