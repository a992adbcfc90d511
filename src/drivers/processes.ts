/**
 * Processes as Linux shows them under /proc: whose they are, and that they are still the same. Without a descriptor to look
 * with, all of this throws: a process that could not be looked at has not ended.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { lacksDescriptor } from '../run-out.ts';

/** In the environment of a driver and so of everything it ever starts, whatever group or parent that has. */
export const DRIVER_ID_VARIABLE = 'PARTHENON_DRIVER_ID';
export const DRIVER_FOLDER_VARIABLE = 'PARTHENON_DRIVER_FOLDER';

/** Linux's USER_HZ: the unit of times under /proc, whatever the kernel's own clock. https://man7.org/linux/man-pages/man7/time.7.html */
const TICKS_PER_SECOND = 100;

export interface MarkedProcess {
  readonly pid: number;
  readonly driverId: string;
  /** The driver's folder, which tells the servers of one machine apart. */
  readonly folder: string;
}

/** A process's start in clock ticks since boot; undefined when there is none. */
export function startTicks(pid: number): string | undefined {
  return statOf(pid)?.startTicks;
}

/** The parent of every live process, by process id. */
export function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const pid of processIds()) {
    const stat = statOf(pid);
    if (stat !== undefined) {
      found.set(pid, stat.parent);
    }
  }
  return found;
}

/**
 * The first process of the pid namespace that a process has made: with it the kernel ends all in there at once, also what multiplies
 * faster than it can be counted.
 */
export function namespaceInit(pid: number): number | undefined {
  for (const [each, parent] of parents()) {
    if (parent === pid && /^NSpid:.*\t1$/m.test(read(`/proc/${each}/status`) ?? '')) return each;
  }
  return undefined;
}

/** Every live process that some driver started, the driver itself included. */
export function markedProcesses(): MarkedProcess[] {
  return processIds().flatMap((pid) => marked(pid) ?? []);
}

/** The mark of one process; undefined without one, and for what has ended. */
export function marked(pid: number): MarkedProcess | undefined {
  const environment = read(`/proc/${pid}/environ`);
  const driverId = variableOf(environment, DRIVER_ID_VARIABLE);
  const folder = variableOf(environment, DRIVER_FOLDER_VARIABLE);
  return driverId === undefined || folder === undefined ? undefined : { pid, driverId, folder };
}

/** Every live process whose environment holds this variable with this value. */
export function processesWith(name: string, value: string): number[] {
  return processIds().filter((pid) => variableOf(read(`/proc/${pid}/environ`), name) === value);
}

/** Sends a signal; a process (or, below zero, a group) that has gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

/**
 * Sets the priority of every thread of these processes: Linux keeps it by thread. Only where it can be taken back,
 * which is root's right; elsewhere a driver would stay slow for good.
 */
export function setNiceness(pids: readonly number[], niceness: number): void {
  if (process.getuid?.() !== 0) {
    return;
  }
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      try {
        setPriority(Number(thread), niceness);
      } catch {
        // ended meanwhile
      }
    }
  }
}

/** Of every process, whoever's it is. */
export function processIds(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

export interface ProcessStat {
  readonly parent: number;
  readonly startTicks: string;
  /** Of the process, and of children that it has waited for. */
  readonly cpuSeconds: number;
}

/** `/proc/<pid>/stat`; undefined for what has ended, waited for or not. */
export function statOf(pid: number): ProcessStat | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command's name stands in parentheses and may hold anything; the state, field 3, is the first after it.
  const [state, parent, ...others] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const ticks = others[17];
  if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
  // Fields 14 to 17: utime, stime, cutime, cstime.
  const cpuTicks = others.slice(9, 13).reduce((sum, each) => sum + Number(each), 0);
  return { parent: Number(parent), startTicks: ticks, cpuSeconds: cpuTicks / TICKS_PER_SECOND };
}

/** 0 for what has ended. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1024;
}

function variableOf(environment: string | undefined, name: string): string | undefined {
  return environment
    ?.split('\0')
    .find((entry) => entry.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (lacksDescriptor(error)) throw error;
    return undefined; // ended, or another user's
  }
}
