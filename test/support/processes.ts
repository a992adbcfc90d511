import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { markedProcesses } from '../../src/drivers/processes.ts';

/** What code in a session prints to be found out here: its driver's id, and its own process's. */
export const WHO_AM_I = 'import os; print(os.environ["PARTHENON_DRIVER_ID"], os.getpid())';

/**
 * The id, out here, of a process that a session's code knows by another, as a sandbox has its own.
 * @param driverId of the session
 * @param pid as the code knows it
 * @throws when there is none
 */
export function outside(driverId: string, pid: number): number {
  const marked = markedProcesses().filter((each) => each.driverId === driverId);
  const inner = marked.map((each) => each.pid).find((each) => idsOf(each).length > 1);
  if (inner === undefined) return pid;
  const namespace = namespaceOf(inner);
  const found = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((each) => idsOf(each).at(-1) === pid && namespaceOf(each) === namespace);
  if (found === undefined) throw new Error(`Driver ${driverId} has no process ${pid}`);
  return found;
}

/** The same for what `WHO_AM_I` printed, further ids of processes after it. */
export function allOutside(printed: string): number[] {
  const [driverId = '', ...pids] = printed.trim().split(' ');
  return pids.map((pid) => outside(driverId, Number(pid)));
}

/** A process's id in each namespace, this one's first; empty for what has ended. */
function idsOf(pid: number): number[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (/^NSpid:\t(.*)$/m.exec(status)?.[1] ?? '').split('\t').map(Number);
  } catch {
    return [];
  }
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** What a process has in memory. */
export function residentKibibytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
