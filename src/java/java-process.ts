/** Java of the server's own that runs beside it: from its source, by Janino, the compiler that Spark ships. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesWith, signal } from '../drivers/processes.ts';

const LOG_SETTINGS = join(import.meta.dirname, 'log4j2.properties');
const POLL_MILLIS = 20;
const REASON_LINES = 3;

export interface JavaProgram {
  readonly java: string;
  /** What its logs are called: `<name>.log`, and `<name>.err` of the last run. */
  readonly name: string;
  /** `Name.java`, whose class `Name` has the main method; it ends when its standard input does. */
  readonly source: string;
  readonly classPath: readonly string[];
  /** Of the JVM. */
  readonly options: readonly string[];
  /** Absolute; where it runs and logs, with its temporary files in `tmp/`. */
  readonly folder: string;
  /** The variable that holds the folder: by it, and by nothing else, a process that was left behind is known. */
  readonly mark: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** One run of it. */
export interface JavaProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** What it prints. */
  readonly lines: Interface;
  /** Resolves, when the process has gone, with why, in one line; never rejects. */
  readonly ended: Promise<string>;
  /** Asks it to end, which takes it a moment. */
  end(): void;
  kill(): void;
}

/**
 * Starts it beside this process: it ends when this process does, however that goes, since it watches its standard input. A process
 * group of its own keeps the terminal's Ctrl-C from ending it before the sessions.
 */
export async function startJava(program: JavaProgram): Promise<JavaProcess> {
  const { folder, name, source } = program;
  const errors = join(folder, `${name}.err`);
  const log = openSync(errors, 'w', 0o600);
  const options = [
    '-XX:+UseSerialGC',
    // It works in short calls, hours apart: the second compiler would cost more than it brings.
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:-UsePerfData',
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Dlog4j2.configurationFile=${LOG_SETTINGS}`,
    `-Dparthenon.folder=${folder}`,
    `-Dparthenon.name=${name}`,
    ...program.options,
  ];
  const main = ['org.codehaus.janino.SimpleCompiler', source, basename(source, '.java')];
  const child = spawn(program.java, [...options, '-cp', program.classPath.join(':'), ...main], {
    cwd: folder,
    detached: true,
    env: { [program.mark]: folder, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...program.environment },
    stdio: ['pipe', 'pipe', log],
  });
  closeSync(log);
  await once(child, 'spawn');
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const { stdin, stdout } = child as ChildProcessByStdio<Writable, Readable, null>;
  stdin.on('error', () => undefined); // it has gone before it could be asked to
  return {
    pid: child.pid as number,
    stdin,
    lines: createInterface({ input: stdout }),
    ended: exited.then(([code, by]) => `${by ? `signal ${by}` : `exit code ${code}`}${lastWords(errors)}`),
    end: () => void stdin.end(),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Ends those that an earlier server left on this folder, and waits until they have gone. */
export async function endLeftJava(mark: string, folder: string): Promise<number> {
  const left = processesWith(mark, folder);
  for (let pids = left; pids.length > 0; pids = processesWith(mark, folder)) {
    for (const pid of pids) signal(pid, 'SIGKILL');
    await sleep(POLL_MILLIS);
  }
  return left.length;
}

/** The first line from now on that matches; other lines are nobody's. */
export function lineMatching(lines: Interface, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const look = (line: string) => {
      if (!pattern.test(line)) return;
      lines.off('line', look);
      resolve(line);
    };
    lines.on('line', look);
  });
}

/** The messages of the exceptions that ended it, without their frames. */
function lastWords(file: string): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  const told = lines.filter((line) => line.trim() !== '' && !/^\s+(at |\.\.\. )/.test(line)).slice(-REASON_LINES);
  return told.length > 0 ? `: ${told.join(' | ')}` : '';
}
