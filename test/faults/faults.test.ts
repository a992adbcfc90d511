import { expect, it } from 'vitest';
import { playRounds } from './faults.ts';

it('whatever is killed, every accepted call has its effect or an honest end, once, and nothing is left behind', async () => {
  const lines: string[] = [];
  // Within three rounds this seed strikes the server, the next one as it recovers, a kernel and a JVM, and lets a session become idle for too long.
  const totals = await playRounds({ rounds: 3, seed: 1861, say: (line) => lines.push(line) });
  expect(lines).toHaveLength(3);
  expect([...totals.ends.values()].reduce((sum, count) => sum + count, 0)).toBe(totals.calculations);
});
