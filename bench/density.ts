import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { markedProcesses } from '../src/drivers/processes.ts';
import type { TestServer } from '../test/support/server.ts';
import type { Figure } from './report.ts';
import { end, poolIsFull, startUntilIdle } from './starts.ts';

const WATCHED_SECONDS = 10;
const GIBIBYTE = 1024 ** 3;

/** Sessions that run at once: what they share shows only then. */
const SESSIONS = 3;

/** Memory and CPU of an idle session and of a driver that waits in the pool: Python, JVM and all below them. */
export async function measureDensity(server: TestServer, pool: number, seconds = WATCHED_SECONDS): Promise<Figure[]> {
  const sessions: string[] = [];
  let taken = '';
  for (let count = 0; count < SESSIONS; count++) {
    await poolIsFull(server, pool);
    const before = driversOf(server);
    sessions.push(await startUntilIdle(server, {}));
    taken ||= before[0] ?? '';
  }
  if (taken === '') throw new Error('No driver waits in the pool');
  await poolIsFull(server, pool);
  await sleep(2_000);
  const waiting = driversOf(server).at(-1) ?? '';
  const memory = memoryOf(taken);
  const shared = memory.resident - memory.private;
  const before = cpuSeconds(taken);
  await sleep(seconds * 1000);
  const cpu = (100 * (cpuSeconds(taken) - before)) / seconds;
  const pooled = memoryOf(waiting);
  for (const sessionId of sessions) await end(server, sessionId);
  return [
    { name: 'idle session: resident memory', unit: 'MB', samples: [memory.resident / 1e6] },
    { name: 'idle session: memory of its own, what one more costs', unit: 'MB', samples: [memory.private / 1e6] },
    { name: 'driver in the pool: memory of its own', unit: 'MB', samples: [pooled.private / 1e6] },
    { name: 'idle session: CPU', unit: '% of a core', samples: [cpu] },
    {
      name: 'idle sessions that 8 GiB hold',
      unit: 'sessions',
      samples: [Math.floor((8 * GIBIBYTE - shared) / memory.private)],
    },
  ];
}

/** Oldest first. */
function driversOf(server: TestServer): string[] {
  const folder = join(server.home, 'drivers');
  const bornAt = (id: string) => statSync(join(folder, id)).birthtimeMs;
  return readdirSync(folder).toSorted((left, right) => bornAt(left) - bornAt(right));
}

function pidsOf(driverId: string): number[] {
  return markedProcesses()
    .filter((each) => each.driverId === driverId)
    .map(({ pid }) => pid);
}

/** Bytes, of all processes of a driver. */
function memoryOf(driverId: string): { resident: number; private: number } {
  const total = { resident: 0, private: 0 };
  for (const pid of pidsOf(driverId)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
    total.resident += kibibytes('Rss') * 1024;
    total.private += (kibibytes('Private_Clean') + kibibytes('Private_Dirty')) * 1024;
  }
  return total;
}

/** User and system time; `/proc/<pid>/stat` counts in hundredths of a second. */
function cpuSeconds(driverId: string): number {
  return pidsOf(driverId)
    .map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    })
    .reduce((sum, each) => sum + each, 0);
}
