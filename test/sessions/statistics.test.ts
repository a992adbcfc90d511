import {
  GetCalculationExecutionStatusCommand,
  GetSessionCommand,
  GetSessionStatusCommand,
  ListCalculationExecutionsCommand,
  ListExecutorsCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCalculation, startIdleSession, waitForCalculation, waitForSession } from '../support/calculations.ts';
import { startTestServer, type TestServer, until } from '../support/server.ts';

const COORDINATOR_DPUS = 1;
const WORKER_DPUS = 1;

let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  server = await startTestServer({ cores: '2', 'cores-per-dpu': '2' });
  sessionId = await startIdleSession(server, { EngineConfiguration: { MaxConcurrentDpus: 2 } });
});
afterAll(() => server?.remove());

async function statistics(calculationId: string) {
  const command = new GetCalculationExecutionStatusCommand({ CalculationExecutionId: calculationId });
  return (await server.athena.send(command)).Statistics;
}

test('progress is the share of a job’s tasks that are done', async () => {
  const code = 'import time\nsc.parallelize(range(40), 40).foreach(lambda _: time.sleep(0.1))';
  const calculation = await startCalculation(server, sessionId, code);
  const seen = new Set<string | undefined>();
  await until(async () => {
    const progress = (await statistics(calculation))?.Progress;
    seen.add(progress);
    return progress === '100%';
  }, 60_000);
  const between = [...seen].filter((progress) => progress !== '0%' && progress !== '100%');
  expect(between.length).toBeGreaterThan(0);
  for (const progress of between) expect(progress).toMatch(/^[1-9]\d?%$/);
});

test('DPU-milliseconds of a session are those of its calculations, and the coordinator’s between them', async () => {
  const { Status } = await server.athena.send(new GetSessionStatusCommand({ SessionId: sessionId }));
  const schedule = ['import time; time.sleep(1)', 'time.sleep(0.5); 1/0', 'time.sleep(300)'];
  for (const code of schedule) {
    const id = await startCalculation(server, sessionId, code);
    await waitForCalculation(server, id, code.includes('300') ? ['RUNNING'] : ['COMPLETED', 'FAILED']);
  }
  await server.athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  const { EndDateTime } = await waitForSession(server, sessionId, ['TERMINATED']);
  const ended = EndDateTime?.getTime() as number;

  const listed = await server.athena.send(new ListCalculationExecutionsCommand({ SessionId: sessionId }));
  const ids = listed.Calculations?.map(({ CalculationExecutionId }) => CalculationExecutionId as string) ?? [];
  const accounts = await Promise.all(ids.map(async (id) => (await statistics(id))?.DpuExecutionInMillis ?? 0));
  const ran = accounts.map((dpuMillis) => dpuMillis / (COORDINATOR_DPUS + WORKER_DPUS));
  expect(ran[2]).toBeGreaterThanOrEqual(1000);
  expect(ran[1]).toBeGreaterThanOrEqual(500);

  const session = await server.athena.send(new GetSessionCommand({ SessionId: sessionId }));
  const { ExecutorsSummary } = await server.athena.send(new ListExecutorsCommand({ SessionId: sessionId }));
  expect(ExecutorsSummary).toEqual([
    {
      ExecutorId: 'driver',
      ExecutorType: 'COORDINATOR',
      ExecutorState: 'TERMINATED',
      ExecutorSize: COORDINATOR_DPUS,
      StartDateTime: expect.any(Number),
      TerminationDateTime: ended,
    },
  ]);
  const ready = ExecutorsSummary?.[0]?.StartDateTime as number;
  expect(ready).toBeGreaterThanOrEqual(Status?.StartDateTime?.getTime() as number);
  const busy = ran.reduce((sum, millis) => sum + millis, 0);
  expect(busy).toBeLessThan(ended - ready);
  expect(session.Statistics?.DpuExecutionInMillis).toBe((ended - ready) * COORDINATOR_DPUS + busy * WORKER_DPUS);
});
