import { GetCalculationExecutionStatusCommand, TerminateSessionCommand } from '@aws-sdk/client-athena';
import { startCalculation, startIdleSession, waitForSession } from '../test/support/calculations.ts';
import type { TestServer } from '../test/support/server.ts';
import { type Figure, sample } from './report.ts';

const POLL_MILLIS = 5;

/** StartCalculationExecution to COMPLETED (results are in S3 by then), for a client that polls every 5 ms. */
export async function measureCalculations(server: TestServer, runs: number): Promise<Figure[]> {
  const sessionId = await startIdleSession(server);
  const measure = async (code: string) => {
    await sample(2, () => calculate(server, sessionId, code));
    return await sample(runs, () => calculate(server, sessionId, code));
  };
  const figures: Figure[] = [
    { name: 'calculation `1+1` to COMPLETED', unit: 'ms', samples: await measure('1+1') },
    {
      name: 'calculation `spark.range(1000).count()` to COMPLETED',
      unit: 'ms',
      samples: await measure('spark.range(1000).count()'),
    },
  ];
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  await waitForSession(server, sessionId, ['TERMINATED']);
  return figures;
}

async function calculate(server: TestServer, sessionId: string, code: string): Promise<void> {
  const CalculationExecutionId = await startCalculation(server, sessionId, code);
  for (;;) {
    const { Status } = await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }));
    if (Status?.State === 'COMPLETED') return;
    if (Status?.State === 'FAILED' || Status?.State === 'CANCELED')
      throw new Error(`${Status.State}: ${Status.StateChangeReason}`);
    await new Promise((done) => setTimeout(done, POLL_MILLIS));
  }
}
