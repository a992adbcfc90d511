import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TAIL_LINES = 30;

/** Process groups that this set-up started and that still run. @type {Set<number>} */
const running = new Set();

/** A command of set-up failed; the message carries what it said last. */
export class CommandFailed extends Error {
  /** @override */
  name = 'CommandFailed';
  /**
   * @param {string} command
   * @param {string} outcome e.g. `exited with 1`
   * @param {string} output
   */
  constructor(command, outcome, output) {
    super(`${command} ${outcome}:\n${output.trim().split('\n').slice(-TAIL_LINES).join('\n')}`);
    this.output = output;
  }
}

/**
 * Runs a command to its end, out of sight, in a process group of its own so that it can be ended with all that it
 * started. Standard input is closed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.cwd]
 * @param {(line: string) => void} [options.onLine] each line of standard output and error
 * @param {(pid: number) => void} [options.onStart]
 * @returns {Promise<string>} standard output and error, as they came
 * @throws {CommandFailed}
 */
export function run(command, args, { env = process.env, cwd, onLine, onStart } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const { pid } = child;
    if (pid !== undefined) {
      running.add(pid);
      onStart?.(pid);
    }
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        const lines = (rest + text).split(/\r?\n|\r/);
        rest = lines.pop() ?? '';
        for (const line of lines) onLine?.(line);
      });
    }
    child.on('error', (error) => reject(new CommandFailed(command, 'could not be started', error.message)));
    child.on('close', (code, signal) => {
      if (pid !== undefined) running.delete(pid);
      if (code === 0) resolve(output);
      else reject(new CommandFailed(command, signal ? `was ended by ${signal}` : `exited with ${code}`, output));
    });
  });
}

/** Ends what {@link run} started and what still runs of it. */
export function endRunning() {
  for (const pid of running) endGroup(pid, 'SIGTERM');
}

/**
 * @param {number} pid of the process group's leader
 * @param {NodeJS.Signals} signal
 */
export function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/**
 * When a process started: tells it from a later one with the same id. On Linux the clock ticks since boot
 * (`/proc/<pid>/stat`, field 22), elsewhere only whether it runs.
 * @param {number} pid
 * @returns {string | undefined} undefined when there is no such process, or only a zombie
 */
export function processStart(pid) {
  if (process.platform === 'linux') {
    try {
      // The second field is the program's name in parentheses and may hold spaces.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return 'running';
  } catch {
    return undefined;
  }
}
