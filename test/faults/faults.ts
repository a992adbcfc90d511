/** The fault test: rounds of clients at work while parts of the system are killed, and what must hold after each. */
import { checkLeftovers, checkSessions, type Counts } from './checks.ts';
import { FaultClient } from './client.ts';
import { type ClientPlan, planRound, planRun, type RoundPlan } from './plan.ts';
import { Site } from './site.ts';
import { carryOut } from './strikes.ts';

const CLIENTS = 3;

export interface Totals {
  readonly rounds: number;
  readonly sessions: number;
  readonly calculations: number;
  /** How often each was hit, by its name. */
  readonly hits: Counts;
  /** How calculations ended. */
  readonly ends: Counts;
}

export interface FaultsOptions {
  readonly rounds: number;
  readonly seed: number;
  /** The first round that is played; what is planned for a round does not depend on those before. */
  readonly from?: number;
  readonly say: (line: string) => void;
  /** Ends the run after the round that is played. */
  readonly signal?: AbortSignal;
}

/**
 * Plays the rounds that a seed plans, all on one home.
 * @throws Violation, whose message says how the round is repeated; the home is left then
 */
export async function playRounds({ rounds, seed, from = 1, say, signal }: FaultsOptions): Promise<Totals> {
  const site = new Site(planRun(seed));
  const clients = Array.from({ length: CLIENTS }, () => new FaultClient(site));
  const hits: Counts = new Map();
  await site.start();
  await all(clients.map((client) => client.prepare()));
  let played = 0;
  try {
    for (let round = from; round < from + rounds && !signal?.aborted; round += 1) {
      const began = Date.now();
      const plan = planRound(seed, round, CLIENTS);
      await playRound(site, clients, plan, hits).catch((error: unknown) => {
        throw new Error(told(error, site, seed, round, plan), { cause: error });
      });
      played += 1;
      say(
        `round ${round}, ${Math.round((Date.now() - began) / 100) / 10} s: ${[...hits].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      );
    }
    const ends: Counts = new Map();
    await checkSessions(site, site.sessions, ends);
    const calculations = site.sessions.reduce((sum, session) => sum + session.calculations.length, 0);
    await site.stop();
    site.remove();
    return { rounds: played, sessions: site.sessions.length, calculations, hits, ends };
  } catch (error) {
    await site.stop();
    throw error;
  }
}

async function playRound(site: Site, clients: readonly FaultClient[], plan: RoundPlan, hits: Counts): Promise<void> {
  const before = new Set(site.sessions.filter(({ isEnded }) => isEnded));
  await all([
    ...clients.map((client, index) => client.play(plan.clients[index] as ClientPlan)),
    (async () => {
      for (const strike of plan.strikes) {
        for (const hit of await carryOut(site, strike)) hits.set(hit, (hits.get(hit) ?? 0) + 1);
      }
    })(),
  ]);
  // What was struck after its client had done is settled by this, which also shows what has run.
  await all(clients.map((client) => client.calculate({ kind: 'print' })));
  site.isStruck = false;
  await all(clients.filter((_, index) => plan.clients[index]?.startsAfterwards).map((client) => client.prepare()));
  await checkSessions(
    site,
    site.sessions.filter((session) => !before.has(session)),
    new Map(),
  );
  await checkLeftovers(site, clients);
}

/** Lets all come to their end before the first failure is told, so that nothing goes on behind it. */
async function all(works: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
}

function told(error: unknown, site: Site, seed: number, round: number, plan: RoundPlan): string {
  return `round ${round}: ${error instanceof Error ? error.stack : error}
Seed ${seed}; \`npm run test:faults -- --seed ${seed} --rounds ${round}\` plays all rounds up to it, \`--from ${round} --rounds 1\` this one.
The plan: ${JSON.stringify(plan)}
The home is left in ${site.home}, the servers' log in ${site.keepLog()}`;
}
