import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ProcessStat, processIds, residentBytes, statOf } from './processes.ts';

/** Processes that are read in one turn of the event loop: some milliseconds. */
const SLICE = 100;

/** What a process and everything below it take. */
export interface Usage {
  /** Resident memory; what processes share counts for each of them. */
  readonly memoryBytes: number;
  /** Of all that runs, and of what has ended and been waited for: it does not fall while the driver lives. */
  readonly cpuSeconds: number;
}

/** Reads `/proc` once for all of them. @returns by process id; without those that have gone */
export async function usageOf(roots: readonly number[]): Promise<Map<number, Usage>> {
  const table = await processTable();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of table) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const found = new Map<number, Usage>();
  for (const root of roots) {
    if (!table.has(root)) continue;
    let memoryBytes = 0;
    let cpuSeconds = 0;
    // /proc is not read at one moment, and ids are used again: no process counts twice.
    const seen = new Set([root]);
    for (const pid of seen) {
      memoryBytes += residentBytes(pid);
      cpuSeconds += table.get(pid)?.cpuSeconds ?? 0;
      for (const child of children.get(pid) ?? []) seen.add(child);
    }
    found.set(root, { memoryBytes, cpuSeconds });
  }
  return found;
}

async function processTable(): Promise<Map<number, ProcessStat>> {
  const table = new Map<number, ProcessStat>();
  const pids = processIds();
  for (let start = 0; start < pids.length; start += SLICE) {
    if (start > 0) await nextTurn();
    for (const pid of pids.slice(start, start + SLICE)) {
      const stat = statOf(pid);
      if (stat !== undefined) table.set(pid, stat);
    }
  }
  return table;
}
