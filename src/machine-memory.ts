/** What memory there is: the machine's own, or that of the control group (a container, a systemd unit) that this process is in. */
import { existsSync, readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Mebibytes that this process and all below it may use. */
export function memoryLimitMebibytes(): number {
  // Without a limit it is 0, or larger than any machine.
  const constrained = process.constrainedMemory();
  return toMebibytes(constrained > 0 ? Math.min(totalmem(), constrained) : totalmem());
}

/**
 * What of it is for sessions and drivers that wait: a tenth stays with the system, and the server, its catalog and what else runs
 * beside them take 800 MiB. A machine that is too small for it gets one session all the same.
 */
export function memoryForSessions(limitMebibytes: number): number {
  return Math.max(1024, Math.floor(limitMebibytes * 0.9) - 800);
}

/** Where the system tells of memory; tests have folders of their own. */
export interface MemoryFiles {
  readonly proc: string;
  readonly cgroup: string;
}

const SYSTEM: MemoryFiles = { proc: '/proc', cgroup: '/sys/fs/cgroup' };

/**
 * Mebibytes that can still be had without swapping: what the kernel says is available, or what is left in a control group on the
 * way up, where that is less. Files that are cached count as free: the kernel drops them when memory is asked for.
 */
export function availableMemoryMebibytes(files: MemoryFiles = SYSTEM): number {
  const available = field(join(files.proc, 'meminfo'), 'MemAvailable:');
  const ofMachine = available === undefined ? freemem() : available * 1024;
  return toMebibytes(Math.min(ofMachine, ...controlGroups(files).map(leftIn)));
}

interface ControlGroup {
  readonly limit: string;
  readonly used: string;
  readonly stat: string;
  /** Names in `stat` of what is cached of files. */
  readonly cached: readonly string[];
}

const VERSION_2 = {
  limit: 'memory.max',
  used: 'memory.current',
  stat: 'memory.stat',
  cached: ['active_file', 'inactive_file'],
};
const VERSION_1 = {
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  stat: 'memory.stat',
  cached: ['total_active_file', 'total_inactive_file'],
};

/** The process's own group and those above it; in a container they are mounted so that the topmost is the container's. */
function controlGroups(files: MemoryFiles): ControlGroup[] {
  const lines = textOf(join(files.proc, 'self', 'cgroup'))?.split('\n') ?? [];
  return lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === '') return above(files.cgroup, path, VERSION_2);
    return controllers?.split(',').includes('memory') ? above(join(files.cgroup, 'memory'), path, VERSION_1) : [];
  });
}

function above(root: string, path: string, names: ControlGroup): ControlGroup[] {
  const groups: ControlGroup[] = [];
  for (let part = path; ; part = dirname(part)) {
    const at = (name: string) => join(root, part, name);
    if (existsSync(at(names.limit))) {
      groups.push({ limit: at(names.limit), used: at(names.used), stat: at(names.stat), cached: names.cached });
    }
    if (part === '/' || part === '.') return groups;
  }
}

function leftIn(group: ControlGroup): number {
  const limit = Number(textOf(group.limit)); // `max` is no number
  const used = Number(textOf(group.used));
  if (!Number.isFinite(limit) || !Number.isFinite(used)) return Number.POSITIVE_INFINITY;
  const cached = group.cached.reduce((sum, name) => sum + (field(group.stat, name) ?? 0), 0);
  return Math.max(0, limit - used + cached);
}

/** The number behind a name at the beginning of a line. */
function field(file: string, name: string): number | undefined {
  const value = textOf(file)?.match(new RegExp(`^${name}\\s+(\\d+)`, 'm'))?.[1];
  return value === undefined ? undefined : Number(value);
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined; // another system, or one that has no such group
  }
}

function toMebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
