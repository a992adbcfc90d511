/** How `parthenon stop` and the server that it stops know of each other: by two files in PARTHENON_HOME and a signal. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { signal, startTicks } from '../drivers/processes.ts';

/**
 * How to stop:
 * - `sessions`: sessions are terminated, then the server ends; what a signal alone asks for.
 * - `drain`: first what runs gets time to finish, and nothing new is taken.
 * - `now`: the server alone ends. Sessions and what they run go on, and the next server comes back to them.
 */
const request = z.discriminatedUnion('how', [
  z.object({ how: z.literal('sessions') }),
  z.object({ how: z.literal('drain'), timeoutSeconds: z.number().min(0) }),
  z.object({ how: z.literal('now') }),
]);
export type StopRequest = z.output<typeof request>;

const TERMINATE: StopRequest = { how: 'sessions' };

const serverFile = z.object({ pid: z.int().positive(), startTicks: z.string() });
/** A process id alone may be another's by now: the start time tells. */
export type ServerProcess = z.output<typeof serverFile>;

/** A request that no server has taken by then was left by a command that died before it sent its signal. */
const REQUEST_MILLIS = 10_000;

/** Signals that ask for something else than a stop. Node's own way with them is to end. */
const ASKING: readonly NodeJS.Signals[] = ['SIGUSR2'];

/** Writes down that this process serves the home. @returns what takes that back */
export function noteServerProcess(home: string): () => void {
  for (const name of ASKING) process.on(name, () => undefined);
  const file = join(home, 'server.json');
  const server: ServerProcess = { pid: process.pid, startTicks: startTicks(process.pid) ?? '' };
  writeFileSync(file, JSON.stringify(server), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** The server that runs on a home. */
export function findServerProcess(home: string): ServerProcess | undefined {
  const found = readJson(join(home, 'server.json'), serverFile);
  return found !== undefined && runs(found) ? found : undefined;
}

/** Whether it is still that very process. */
export function runs({ pid, startTicks: ticks }: ServerProcess): boolean {
  return startTicks(pid) === ticks;
}

/** Has a server stop; returns before it does. */
export function requestStop(home: string, { pid }: ServerProcess, asked: StopRequest): void {
  writeFileSync(requestFile(home), JSON.stringify({ ...asked, at: Date.now() }), { mode: 0o600 });
  signal(pid, 'SIGTERM');
}

/** What a signal that has just come asks for. */
export function takeStopRequest(home: string): StopRequest {
  const file = requestFile(home);
  const found = readJson(file, z.intersection(request, z.object({ at: z.number() })));
  rmSync(file, { force: true });
  return found !== undefined && Date.now() - found.at < REQUEST_MILLIS ? found : TERMINATE;
}

function requestFile(home: string): string {
  return join(home, 'stop.json');
}

/** @returns undefined for a file that is not there, or is none of ours */
function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
