import { TerminateSessionCommand } from '@aws-sdk/client-athena';
import {
  startCalculation,
  startIdleSession,
  waitForCalculation,
  waitForSession,
} from '../test/support/calculations.ts';
import type { TestServer } from '../test/support/server.ts';
import { memoryOfServer } from './memory.ts';
import type { Figure } from './report.ts';

/** A day of short calculations in one go, some failing: what the server's memory does meanwhile. */
export async function measureSoak(server: TestServer, calculations: number): Promise<Figure[]> {
  const sessionId = await startIdleSession(server);
  const memory: number[] = [];
  const times: number[] = [];
  for (let index = 0; index < calculations; index += 1) {
    const start = performance.now();
    await waitForCalculation(server, await startCalculation(server, sessionId, index % 10 === 9 ? '1/0' : 'print(1)'));
    times.push(performance.now() - start);
    if (index % Math.ceil(calculations / 20) === 0) memory.push(memoryOfServer(server, 'VmRSS'));
  }
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  await waitForSession(server, sessionId, ['TERMINATED']);
  const half = Math.floor(memory.length / 2);
  const firstHalf = memory.slice(0, half);
  return [
    {
      name: `${calculations} calculations one after the other: each, with its results read`,
      unit: 'ms',
      samples: times,
    },
    { name: 'server memory during their first half', unit: 'MB', samples: firstHalf },
    {
      name: 'server memory during their second half',
      unit: 'MB',
      samples: memory.slice(half),
      baseline: { name: 'the first half', median: firstHalf.toSorted((a, b) => a - b)[Math.floor(half / 2)] ?? 0 },
    },
  ];
}
