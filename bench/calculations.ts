import { GetCalculationExecutionStatusCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { run, startCalculation, startIdleSession, waitForSession } from '../test/support/calculations.ts';
import type { TestServer } from '../test/support/server.ts';
import { baselineOf, type Figure, sample } from './report.ts';

const POLL_MILLIS = 5;

/** AWS SDK for pandas sleeps so long between two looks. */
const SLOW_POLL_MILLIS = 5_000;

const JOB = 'spark.range(1000).count()';

/** StartCalculationExecution to COMPLETED (results are in S3 by then), as a client sees it. */
export async function measureCalculations(server: TestServer, runs: number): Promise<Figure[]> {
  const sessionId = await startIdleSession(server);
  const measure = async (code: string, count: number, pollMillis = POLL_MILLIS) => {
    await sample(2, () => calculate(server, sessionId, code, pollMillis));
    return await sample(count, () => calculate(server, sessionId, code, pollMillis));
  };
  const inside = await timesInside(server, sessionId, runs);
  const figures: Figure[] = [
    { name: 'calculation `1+1` to COMPLETED, polled every 5 ms', unit: 'ms', samples: await measure('1+1', runs) },
    {
      name: 'calculation `1+1` to COMPLETED, polled every 5 s',
      unit: 'ms',
      samples: await measure('1+1', runs, SLOW_POLL_MILLIS),
    },
    { name: `\`${JOB}\` inside the driver`, unit: 'ms', samples: inside },
    {
      name: `calculation \`${JOB}\` to COMPLETED, polled every 5 ms`,
      unit: 'ms',
      samples: await measure(JOB, runs),
      baseline: baselineOf('the same inside the driver', inside),
    },
  ];
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  await waitForSession(server, sessionId, ['TERMINATED']);
  return figures;
}

/** The job alone, by the driver's own clock. */
async function timesInside(server: TestServer, sessionId: string, runs: number): Promise<number[]> {
  const code = `import json, time
times = []
for _ in range(${runs + 2}):
    began = time.perf_counter()
    ${JOB}
    times.append(1000 * (time.perf_counter() - began))
print(json.dumps(times[2:]))`;
  return JSON.parse((await run(server, sessionId, code)).stdout);
}

async function calculate(server: TestServer, sessionId: string, code: string, pollMillis: number): Promise<void> {
  const CalculationExecutionId = await startCalculation(server, sessionId, code);
  for (;;) {
    const { Status } = await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }));
    if (Status?.State === 'COMPLETED') return;
    if (Status?.State === 'FAILED' || Status?.State === 'CANCELED')
      throw new Error(`${Status.State}: ${Status.StateChangeReason}`);
    await new Promise((done) => setTimeout(done, pollMillis));
  }
}
