/** Code in a session, with its output as it comes. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import {
  type AthenaClient,
  GetCalculationExecutionStatusCommand,
  StartCalculationExecutionCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { type Clients, openClients } from './clients.ts';
import type { RunOptions } from './commands.ts';
import { interruption } from './interruption.ts';
import { follow, type LiveMessage } from './live.ts';
import { lostTold, printOutput } from './logs.ts';
import { tell } from './output.ts';
import { showResults } from './results.ts';
import { startSession, untilIdle } from './sessions.ts';

/** Of the API's model: CodeBlock. */
const LONGEST_CODE = 68_000;
/** What a calculation that is stopped still puts out is waited for so long. */
const STOP_PATIENCE_MILLIS = 30_000;
const LOOK_MILLIS = 200;
/** An image of a calculation is named after it, a file's after the file. */
const FROM_STDIN = 'figure';

/** `parthenon run` */
export async function runFile(file: string | undefined, options: RunOptions): Promise<void> {
  const code = await readInput(file, 'Name a file of Python code, or pipe code to standard input');
  const name = file === undefined || file === '-' ? FROM_STDIN : file.replace(/^.*\//, '').replace(/\.[^.]+$/, '');
  await runCode(code, { ...options, name });
}

/**
 * Runs code to its end and sets the exit code by how it has ended: 0 or 1. A signal stops it there first.
 * @param options `name` begins the names of its images
 * @throws whatever the calls throw, Interrupted, PipeClosed
 */
export async function runCode(code: string, options: RunOptions & { name: string }): Promise<void> {
  if (code.trim() === '') throw new Error('There is no code to run');
  if (code.length > LONGEST_CODE) throw tooLong(code.length);
  const clients = await openClients(options);
  using interrupted = interruption();
  const { athena } = clients;
  const { session: given, keep } = options;
  const sessionId = given ?? (await startSession(athena, options));
  try {
    await untilIdle(athena, sessionId, interrupted.signal);
    if (keep && given === undefined) await tell(`parthenon: session ${sessionId}`);
    await runIn(clients, sessionId, code, options, interrupted.signal);
    interrupted.signal.throwIfAborted();
  } catch (error) {
    throw interrupted.signal.aborted ? interrupted.signal.reason : error;
  } finally {
    if (given === undefined && !keep) await athena.send(new TerminateSessionCommand({ SessionId: sessionId }));
  }
}

async function runIn(
  clients: Clients,
  SessionId: string,
  CodeBlock: string,
  options: RunOptions & { name: string },
  signal: AbortSignal,
): Promise<void> {
  const { athena } = clients;
  const started = await athena.send(new StartCalculationExecutionCommand({ SessionId, CodeBlock }));
  const id = started.CalculationExecutionId as string;
  const lost = new AbortController();
  let stopping: Promise<void> | undefined;
  // Where it cannot be stopped there is no end to wait for either.
  const stop = () => (stopping ??= stopCalculation(athena, id).catch((error: unknown) => lost.abort(error)));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    let last: LiveMessage | undefined;
    const how = { onLost: lostTold(), signal: lost.signal };
    for await (const message of follow(await clients.live(), `/live/calculations/${id}`, how)) {
      await printOutput(message);
      if (message.event === 'state') last = message;
    }
    const { Status, Result } = last?.data ?? {};
    if (Result?.ResultS3Uri !== undefined && !signal.aborted)
      await showResults(await clients.s3(), Result.ResultS3Uri, options.outputDir, options.name);
    if (Status?.State === 'COMPLETED') return;
    process.exitCode = 1;
    await tell(
      `parthenon: the calculation ${id} is ${Status?.State}: ${Status?.StateChangeReason ?? 'no reason is told'}`,
    );
  } catch (error) {
    await stop();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await stopping;
  }
}

/** Returns once it has ended. @throws Error when it does not */
async function stopCalculation(athena: AthenaClient, CalculationExecutionId: string): Promise<void> {
  const deadline = performance.now() + STOP_PATIENCE_MILLIS;
  await athena.send(new StopCalculationExecutionCommand({ CalculationExecutionId }));
  while (performance.now() < deadline) {
    const { Status } = await athena.send(new GetCalculationExecutionStatusCommand({ CalculationExecutionId }));
    if (/^(COMPLETED|FAILED|CANCELED)$/.test(Status?.State ?? '')) return;
    await sleep(LOOK_MILLIS);
  }
  throw new Error(`Calculation ${CalculationExecutionId} has been told to stop, and has not yet`);
}

/** A file's text, or standard input's for `-` and for none where something is piped in. @throws Error that says what to do */
export async function readInput(file: string | undefined, whatToDo: string): Promise<string> {
  if (file === undefined && process.stdin.isTTY) throw new Error(`${whatToDo}.`);
  if (file === undefined || file === '-') return await text(process.stdin);
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `There is no file ${file}` : `${file} cannot be read: ${error.message}`);
  });
}

function tooLong(length: number): Error {
  const [is, most] = [length, LONGEST_CODE].map((number) => number.toLocaleString('en'));
  return new Error(
    `The code is ${is} characters long, and a calculation takes ${most}. ` +
      'Put parts of it into a module in S3, and have it by sc.addPyFile("s3://…")',
  );
}
