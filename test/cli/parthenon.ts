import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { cleanEnvironment } from '../support/server.ts';

const bin = resolve(import.meta.dirname, '..', '..', 'bin', 'parthenon.mjs');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `parthenon …` as somebody types it. */
export interface Parthenon {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ended>;
}

export interface HowToStart {
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder?: string;
  readonly input?: string;
}

export function start(args: readonly string[], { environment, folder, input }: HowToStart = {}): Parthenon {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: { ...cleanEnvironment(), ...environment },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin?.end(input);
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended };
}

export async function parthenon(args: readonly string[], how?: HowToStart): Promise<Ended> {
  return await start(args, how).ended;
}

/** A shell with `parthenon` on its PATH. */
export async function shell(script: string, { environment, folder }: HowToStart = {}): Promise<Ended> {
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    env: { ...cleanEnvironment(), ...environment, PARTHENON: bin },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return await new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}
