import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CalculationExecutionState,
  GetCalculationExecutionCommand,
  type GetCalculationExecutionResponse,
  GetCalculationExecutionStatusCommand,
  GetSessionStatusCommand,
  type SessionState,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  type StartSessionCommandInput,
} from '@aws-sdk/client-athena';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { type TestServer, until } from './server.ts';

const SESSION_TIMEOUT_MILLIS = 180_000;
const CALCULATION_TIMEOUT_MILLIS = 120_000;

/** What is asked of a server; also of one in this process. */
export type Clients = Pick<TestServer, 'athena' | 's3'>;

/** A calculation that has ended, with what it left in S3. */
export interface EndedCalculation extends GetCalculationExecutionResponse {
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: readonly { output_type: string; data: Record<string, unknown> }[];
}

/** Where the code of a server's only session runs: it and a test see the same files there, in a sandbox too. */
export function workingFolder(server: TestServer): string {
  const drivers = join(server.home, 'drivers');
  const [driver, ...others] = readdirSync(drivers);
  if (driver === undefined || others.length > 0) throw new Error(`${others.length + 1} drivers in ${drivers}`);
  return join(drivers, driver, 'work');
}

export async function sessionState(server: Clients, SessionId: string): Promise<SessionState | undefined> {
  return (await server.athena.send(new GetSessionStatusCommand({ SessionId }))).Status?.State;
}

/** Starts a session in `primary` and waits until it is IDLE. @throws when it ends otherwise, with its reason */
export async function startIdleSession(
  server: Clients,
  input: Partial<StartSessionCommandInput> = {},
): Promise<string> {
  const { SessionId } = await server.athena.send(
    new StartSessionCommand({ WorkGroup: 'primary', EngineConfiguration: { MaxConcurrentDpus: 2 }, ...input }),
  );
  const status = await waitForSession(server, SessionId as string, ['IDLE', 'FAILED', 'TERMINATED']);
  if (status.State !== 'IDLE') throw new Error(`Session ${status.State}: ${status.StateChangeReason}`);
  return SessionId as string;
}

export async function waitForSession(server: Clients, SessionId: string, states: readonly SessionState[]) {
  await until(
    async () => states.includes((await sessionState(server, SessionId)) as SessionState),
    SESSION_TIMEOUT_MILLIS,
  );
  return (await server.athena.send(new GetSessionStatusCommand({ SessionId }))).Status ?? {};
}

export async function startCalculation(server: Clients, SessionId: string, CodeBlock: string): Promise<string> {
  const reply = await server.athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock }));
  return reply.CalculationExecutionId as string;
}

export async function waitForCalculation(
  server: Clients,
  CalculationExecutionId: string,
  states: readonly CalculationExecutionState[] = ['COMPLETED', 'FAILED', 'CANCELED'],
): Promise<EndedCalculation> {
  await until(async () => {
    const { Status } = await server.athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }));
    return states.includes(Status?.State as CalculationExecutionState);
  }, CALCULATION_TIMEOUT_MILLIS);
  const calculation = await server.athena.send(new GetCalculationExecutionCommand({ CalculationExecutionId }));
  const result = calculation.Result;
  return {
    ...calculation,
    stdout: await readText(server, result?.StdOutS3Uri),
    stderr: await readText(server, result?.StdErrorS3Uri),
    outputs: result?.ResultS3Uri ? JSON.parse(await readText(server, result.ResultS3Uri)).outputs : [],
  };
}

/** Runs code to its end. */
export async function run(server: Clients, sessionId: string, code: string): Promise<EndedCalculation> {
  return await waitForCalculation(server, await startCalculation(server, sessionId, code));
}

async function readText(server: Clients, uri: string | undefined): Promise<string> {
  if (uri === undefined) return '';
  const { host, pathname } = new URL(uri);
  const reply = await server.s3.send(
    new GetObjectCommand({ Bucket: host, Key: decodeURIComponent(pathname.slice(1)) }),
  );
  return (await reply.Body?.transformToString()) ?? '';
}
