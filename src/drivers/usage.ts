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
  const { table, trees } = await treesOf(roots);
  const found = new Map<number, Usage>();
  for (const [root, pids] of trees) {
    let memoryBytes = 0;
    let cpuSeconds = 0;
    for (const pid of pids) {
      memoryBytes += residentBytes(pid);
      cpuSeconds += table.get(pid)?.cpuSeconds ?? 0;
    }
    found.set(root, { memoryBytes, cpuSeconds });
  }
  return found;
}

/** All processes, and of each of these roots that lives itself and those below it. Reads `/proc` once. */
export async function treesOf(
  roots: readonly number[],
): Promise<{ table: ReadonlyMap<number, ProcessStat>; trees: ReadonlyMap<number, ReadonlySet<number>> }> {
  const table = await processTable();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of table) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const trees = new Map<number, ReadonlySet<number>>();
  for (const root of roots) {
    if (!table.has(root)) continue;
    // /proc is not read at one moment, and ids are used again: no process counts twice.
    const seen = new Set([root]);
    for (const pid of seen) for (const child of children.get(pid) ?? []) seen.add(child);
    trees.set(root, seen);
  }
  return { table, trees };
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
