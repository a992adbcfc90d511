/** What happens in a round: drawn from the seed and the round's number alone, before anything of it happens. */
import { Random } from './random.ts';

export type CalculationKind = 'print' | 'spark' | 'sleep' | 'much' | 'raise' | 'catalog' | 'endless';

/** One calculation of a client; the stop and the end of its session are counted from when it was accepted. */
export interface Step {
  readonly kind: CalculationKind;
  readonly stopAfterMillis?: number;
  readonly terminateAfterMillis?: number;
}

/** What the client of one session does; it starts one first where it has none. */
export interface ClientPlan {
  readonly beginMillis: number;
  /** The new session is ended so soon after its start. */
  readonly terminateStartAfterMillis?: number;
  readonly steps: readonly Step[];
  readonly terminate: boolean;
  /** One that has lost its session starts another after the round, which the next one finds IDLE. */
  readonly startsAfterwards: boolean;
}

export interface Strike {
  /** `recovering server`: the server, and then the next one before it serves. */
  readonly what: 'server' | 'recovering server' | 'kernel' | 'jvm' | 'metastore';
  readonly afterMillis: number;
  /** How long there is no server. */
  readonly downMillis: number;
  /** Of the next server. */
  readonly poolSize: number;
  /** What is struck as well while there is none. */
  readonly meanwhile?: 'kernel' | 'jvm';
  /** Which client's session has been idle for too long by then. */
  readonly aged?: number;
  /** Which of the drivers, from 0 to below 1. */
  readonly which: number;
}

/** What is so for all rounds of a seed. */
export interface RunPlan {
  /** The shared catalog costs each new server a JVM of its own: half of the seeds are without. */
  readonly catalog: boolean;
}

export interface RoundPlan {
  readonly clients: readonly ClientPlan[];
  readonly strikes: readonly Strike[];
}

export function planRun(seed: number): RunPlan {
  return { catalog: seed % 2 === 0 };
}

export function planRound(seed: number, round: number, clients: number): RoundPlan {
  const random = new Random(seed, round);
  const { catalog } = planRun(seed);
  return {
    clients: Array.from({ length: clients }, () => planClient(random, catalog)),
    strikes: Array.from({ length: random.chance(0.25) ? 2 : 1 }, () => planStrike(random, clients, catalog)),
  };
}

function planClient(random: Random, catalog: boolean): ClientPlan {
  return {
    beginMillis: random.between(0, 300),
    ...(random.chance(0.1) && { terminateStartAfterMillis: random.between(0, 1500) }),
    steps: Array.from({ length: random.between(1, 4) }, () => planStep(random, catalog)),
    terminate: random.chance(0.07),
    startsAfterwards: random.chance(0.8),
  };
}

function planStep(random: Random, catalog: boolean): Step {
  const kind = random.pick({ print: 4, spark: 3, sleep: 4, much: 2, raise: 1, catalog: catalog ? 2 : 0, endless: 2 });
  const stopped = kind === 'endless' || random.chance(0.1);
  return {
    kind,
    ...(stopped && { stopAfterMillis: random.between(0, 800) }),
    ...(random.chance(0.03) && { terminateAfterMillis: random.between(0, 800) }),
  };
}

function planStrike(random: Random, clients: number, catalog: boolean): Strike {
  const what = random.pick({ server: 10, 'recovering server': 3, kernel: 1.5, jvm: 1.5, metastore: catalog ? 3 : 0 });
  return {
    what,
    afterMillis: random.between(0, 2000),
    downMillis: random.between(0, 600),
    poolSize: random.chance(0.2) ? 1 : 0,
    ...(random.chance(0.1) && { meanwhile: random.pick({ kernel: 1, jvm: 1 }) }),
    ...(random.chance(0.1) && { aged: random.between(0, clients - 1) }),
    which: random.next(),
  };
}
