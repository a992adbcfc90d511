/** `npm run test:faults -- --rounds N --seed S [--from R]`: docs/operators/promises.md */
import { parseArgs } from 'node:util';
import { playRounds } from './faults.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, from: { type: 'string' } },
});
const rounds = Number(values.rounds ?? 20);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`${rounds} rounds, seed ${seed}`);
/** Ctrl-C ends the run after the round that is played, with what it has come to. */
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
try {
  const {
    rounds: played,
    sessions,
    calculations,
    hits,
    ends,
  } = await playRounds({
    rounds,
    seed,
    from: Number(values.from ?? 1),
    say: (line) => console.log(line),
    signal: ending.signal,
  });
  const listed = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
  console.log(`${played} rounds, seed ${seed}: nothing lost`);
  console.log(`killed or let go by: ${listed(hits)}`);
  console.log(`${sessions} sessions, ${calculations} calculations: ${listed(ends)}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
