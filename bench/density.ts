import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { markedProcesses } from '../src/drivers/processes.ts';
import type { TestServer } from '../test/support/server.ts';
import type { Figure } from './report.ts';
import { end, poolIsFull, startUntilIdle } from './starts.ts';

const WATCHED_SECONDS = 10;
const GIBIBYTE = 1024 ** 3;

/** Memory and CPU of an idle session and of a driver that waits in the pool: Python, JVM and all below them. */
export async function measureDensity(server: TestServer, pool: number, seconds = WATCHED_SECONDS): Promise<Figure[]> {
  await poolIsFull(server, pool);
  const pooled = driversOf(server);
  const waiting = pooled.map((id) => memoryOf(id));
  const sessionId = await startUntilIdle(server, {});
  const [taken] = pooled;
  if (taken === undefined) throw new Error('No driver waits in the pool');
  await sleep(2_000);
  const memory = memoryOf(taken);
  const before = cpuSeconds(taken);
  await sleep(seconds * 1000);
  const cpu = (100 * (cpuSeconds(taken) - before)) / seconds;
  await end(server, sessionId);
  return [
    { name: 'idle session: resident memory', unit: 'MB', samples: [memory.resident / 1e6] },
    {
      name: 'idle session: its share, what several map counted once',
      unit: 'MB',
      samples: [memory.proportional / 1e6],
    },
    { name: 'driver in the pool: resident memory', unit: 'MB', samples: waiting.map(({ resident }) => resident / 1e6) },
    { name: 'idle session: CPU', unit: '% of a core', samples: [cpu] },
    { name: 'idle sessions that 8 GiB hold', unit: 'sessions', samples: [(8 * GIBIBYTE) / memory.resident] },
  ];
}

function driversOf(server: TestServer): string[] {
  return readdirSync(join(server.home, 'drivers'));
}

function pidsOf(driverId: string): number[] {
  return markedProcesses()
    .filter((each) => each.driverId === driverId)
    .map(({ pid }) => pid);
}

/** Bytes, of all processes of a driver. */
function memoryOf(driverId: string): { resident: number; proportional: number } {
  const total = { resident: 0, proportional: 0 };
  for (const pid of pidsOf(driverId)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
    total.resident += kibibytes('Rss') * 1024;
    total.proportional += kibibytes('Pss') * 1024;
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
