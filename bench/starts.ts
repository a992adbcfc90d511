import {
  GetSessionStatusCommand,
  StartSessionCommand,
  type StartSessionCommandOutput,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { run, waitForSession } from '../test/support/calculations.ts';
import { type TestServer, until } from '../test/support/server.ts';
import type { Figure } from './report.ts';

const POOL_TIMEOUT_MILLIS = 180_000;
const POLL_MILLIS = 5;

/** Sessions of one kind. */
export interface StartKind {
  /** How the figures are called, e.g. `hot driver, default properties`. */
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Warm drivers that must wait before each start; the server's pool. */
  readonly pool: number;
  /** Raw PySpark with the same properties, of the same run. Seconds. */
  readonly baseline: NonNullable<Figure['baseline']>;
}

/** StartSession to IDLE, and from there to the end of a first Spark job. Where a driver's time goes is in the server's log. */
export async function measureStarts(server: TestServer, kind: StartKind, runs: number): Promise<Figure[]> {
  const idle: number[] = [];
  const firstJob: number[] = [];
  const stages: Record<string, number[]> = {};
  for (let sample = 0; sample < runs; sample += 1) {
    await poolIsFull(server, kind.pool);
    const start = performance.now();
    const sessionId = await startUntilIdle(server, kind.properties);
    const ready = performance.now();
    await run(server, sessionId, 'spark.range(1000).count()');
    idle.push((ready - start) / 1000);
    firstJob.push((performance.now() - ready) / 1000);
    for (const [stage, millis] of Object.entries(stagesOf(server, sessionId))) {
      stages[stage] = [...(stages[stage] ?? []), millis];
    }
    await end(server, sessionId);
  }
  return [
    { name: `${kind.name}: StartSession to IDLE`, unit: 's', samples: idle, baseline: kind.baseline },
    { name: `${kind.name}: from IDLE to the end of a first job`, unit: 's', samples: firstJob },
    ...Object.entries(stages).map(
      ([stage, samples]): Figure => ({ name: `${kind.name}: … in the driver, ${stage}`, unit: 'ms', samples }),
    ),
  ];
}

/** Several StartSession calls at once, until the last is IDLE. */
export async function measureBurst(
  server: TestServer,
  sessions: number,
  pool: number,
  baseline: StartKind['baseline'],
): Promise<Figure[]> {
  await poolIsFull(server, pool);
  const start = performance.now();
  const times: number[] = [];
  const ids = await Promise.all(
    Array.from({ length: sessions }, async () => {
      const id = await startUntilIdle(server, {});
      times.push((performance.now() - start) / 1000);
      return id;
    }),
  );
  for (const id of ids) await end(server, id);
  const name = `${sessions} StartSession calls at once, pool of ${pool}`;
  return [
    { name: `${name}: the last IDLE`, unit: 's', samples: [Math.max(...times)], baseline },
    { name: `${name}: each IDLE`, unit: 's', samples: times },
  ];
}

/** @returns the session's id, once a client that reads every reply knows that it is IDLE */
export async function startUntilIdle(
  server: TestServer,
  SparkProperties: Readonly<Record<string, string>>,
): Promise<string> {
  const { SessionId, State }: StartSessionCommandOutput = await server.athena.send(
    new StartSessionCommand({
      WorkGroup: 'primary',
      EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: { ...SparkProperties } },
    }),
  );
  let state = State;
  while (state !== 'IDLE') {
    await new Promise((done) => setTimeout(done, POLL_MILLIS));
    const { Status } = await server.athena.send(new GetSessionStatusCommand({ SessionId }));
    if (Status?.State === 'FAILED') throw new Error(`The session is FAILED: ${Status.StateChangeReason}`);
    state = Status?.State;
  }
  return SessionId as string;
}

export async function end(server: TestServer, SessionId: string): Promise<void> {
  await server.athena.send(new TerminateSessionCommand({ SessionId }));
  await waitForSession(server, SessionId, ['TERMINATED']);
}

/** The log says when a pool driver is warm, and when one was taken. */
export async function poolIsFull(server: TestServer, size: number): Promise<void> {
  const count = (pattern: RegExp) => (server.log().match(pattern) ?? []).length;
  const waiting = () => count(/a pool driver is warm/g) - count(/"from":"(hot|warm|warming)"/g);
  if (size > 0) await until(() => waiting() >= size, POOL_TIMEOUT_MILLIS);
}

function stagesOf(server: TestServer, sessionId: string): Record<string, number> {
  const line = server
    .log()
    .split('\n')
    .find((each) => each.includes('driver assigned') && each.includes(sessionId));
  return line === undefined ? {} : JSON.parse(line).stages;
}
