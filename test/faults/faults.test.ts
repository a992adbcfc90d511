import { expect, it } from 'vitest';
import { playRounds } from './faults.ts';

it('whatever is killed, every accepted call has its effect or an honest end, once, and nothing is left behind', async () => {
  const lines: string[] = [];
  const totals = await playRounds({ rounds: 4, seed: 7, say: (line) => lines.push(line) });
  expect(lines).toHaveLength(4);
  expect([...totals.ends.values()].reduce((sum, count) => sum + count, 0)).toBe(totals.calculations);
});
