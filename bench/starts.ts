import { TerminateSessionCommand } from '@aws-sdk/client-athena';
import { run, startIdleSession, waitForSession } from '../test/support/calculations.ts';
import { type TestServer, until } from '../test/support/server.ts';
import { customProperties } from './properties.ts';
import type { Figure } from './report.ts';

const POOL_TIMEOUT_MILLIS = 120_000;

/** StartSession to IDLE as a client sees it that polls every 20 ms, and to the end of a first Spark job. Seconds. */
export async function measureStarts(
  server: TestServer,
  kind: string,
  runs: number,
  baseline: { name: string; median: number },
  options: { waitForPool?: boolean } = {},
): Promise<Figure[]> {
  const idle: number[] = [];
  const firstJob: number[] = [];
  for (let sample = 0; sample < runs; sample += 1) {
    if (options.waitForPool) await poolIsFull(server, sample + 1);
    const start = performance.now();
    const sessionId = await startIdleSession(server, {
      EngineConfiguration: { MaxConcurrentDpus: 2, SparkProperties: customProperties },
    });
    idle.push((performance.now() - start) / 1000);
    await run(server, sessionId, 'spark.range(1000).count()');
    firstJob.push((performance.now() - start) / 1000);
    await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
    await waitForSession(server, sessionId, ['TERMINATED']);
  }
  return [
    { name: `${kind}: StartSession to IDLE`, unit: 's', samples: idle, baseline },
    { name: `${kind}: StartSession to the first job done`, unit: 's', samples: firstJob },
  ];
}

/** The log says when a pool driver is warm. */
async function poolIsFull(server: TestServer, times: number): Promise<void> {
  await until(() => (server.log().match(/a pool driver is warm/g) ?? []).length >= times, POOL_TIMEOUT_MILLIS);
}
