/** What one session may take of the machine: looked at from outside, for what a driver is told to keep to it cannot all keep. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import type { DriverIdentity } from './driver.ts';
import { treesOf } from './usage.ts';

/** A look at all processes of the machine takes some milliseconds; whether there are many more of them is known in no time. */
const LOOK_MS = 2_000;
const TICK_MS = 250;
const SUDDENLY = 64;
/** It takes a walk over all files. */
const DISK_MS = 5_000;
const MEBIBYTE = 1024 ** 2;

/** Of each session. */
export interface Limits {
  /** Of all its processes, what is theirs alone; a single process gets no more from the kernel in the first place. */
  readonly memoryBytes: number;
  /** Processes and threads. */
  readonly processes: number;
  /** Of its folder with everything in it. */
  readonly diskBytes: number;
}

/** A driver that can be ended for taking too much. */
export interface Limited {
  readonly identity: DriverIdentity;
  /** @param reason one sentence */
  end(reason: string): void;
}

/** Ends drivers that take more than their limits. Looks only while there are any. */
export class LimitWatch {
  readonly #limits: Limits;
  readonly #drivers: () => readonly Limited[];
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  /** Processes of the machine at the last look, and when that was. */
  #processes = 0;
  #lookedAt = 0;
  #disk: Promise<void> | undefined;
  #lookedAtDisk = 0;
  #closed = false;

  constructor(limits: Limits, drivers: () => readonly Limited[], logger: Logger) {
    this.#limits = limits;
    this.#drivers = drivers;
    this.#logger = logger;
  }

  /** To be called whenever there is a driver more. */
  start(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => void this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #tick(): Promise<void> {
    const drivers = this.#drivers();
    const now = Date.now();
    try {
      const processes = readdirSync('/proc').length;
      if (now - this.#lookedAt >= LOOK_MS || processes > this.#processes + SUDDENLY) {
        await this.#lookAtProcesses(drivers);
        [this.#processes, this.#lookedAt] = [processes, Date.now()];
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'What sessions take could not be looked at');
    }
    if (this.#disk === undefined && now - this.#lookedAtDisk >= DISK_MS) {
      this.#disk = this.#lookAtDisk(drivers).finally(() => {
        [this.#disk, this.#lookedAtDisk] = [undefined, Date.now()];
      });
    }
    this.#timer = undefined;
    if (drivers.length > 0) this.start();
  }

  async #lookAtProcesses(drivers: readonly Limited[]): Promise<void> {
    // In a sandbox none gets out of its tree, and elsewhere a driver adopts those that lose their parent.
    const { trees } = await treesOf(drivers.map(({ identity }) => identity.pid));
    for (const driver of drivers) {
      const pids = [...(trees.get(driver.identity.pid) ?? [])];
      const taken = pids.map(takenAtMostBy);
      const tasks = sum(taken.map(({ threads }) => threads));
      const atMost = sum(taken.map(({ memoryBytes }) => memoryBytes));
      const { processes, memoryBytes } = this.#limits;
      if (tasks > processes) this.#end(driver, `had more than ${processes} processes and threads`, 'PROCESSES');
      else if (atMost > memoryBytes && (await memoryOf(pids)) > memoryBytes)
        this.#end(driver, `took more than ${inMebibytes(memoryBytes)} of memory`, 'MEMORY');
    }
  }

  async #lookAtDisk(drivers: readonly Limited[]): Promise<void> {
    const { diskBytes } = this.#limits;
    for (const driver of drivers) {
      if ((await diskBytesOf(driver.identity.folder)) > diskBytes)
        this.#end(driver, `took more than ${inMebibytes(diskBytes)} of disk`, 'DISK');
    }
  }

  #end(driver: Limited, what: string, setting: string): void {
    driver.end(`The session ${what} (PARTHENON_MAX_${setting}_PER_SESSION), so its driver was ended`);
  }
}

/**
 * What a process has, without files that are mapped by many, the class-data archive above all. What it shares with the process that it was
 * forked from is in it: too much for a sum, but told in no time.
 */
function takenAtMostBy(pid: number): { threads: number; memoryBytes: number } {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return { threads: 0, memoryBytes: 0 }; // ended meanwhile
  }
  const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { threads: number('Threads'), memoryBytes: (number('RssAnon') + number('RssShmem')) * 1024 };
}

/** The same of several together: what they share counts once. The kernel looks at every page for it. */
async function memoryOf(pids: readonly number[]): Promise<number> {
  let bytes = 0;
  for (const pid of pids) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => undefined);
    const shares = rollup?.match(/^Pss_(Anon|Shmem):\s+\d+/gm);
    bytes +=
      shares == null
        ? takenAtMostBy(pid).memoryBytes // another user's, or of an old kernel
        : sum(shares.map((share) => Number(/\d+$/.exec(share)?.[0]) * 1024));
  }
  return bytes;
}

/** By `du`, which does not follow a link that comes in a folder's place while it looks. */
async function diskBytesOf(folder: string): Promise<number> {
  // It complains of what goes while it looks, and says the sum all the same.
  const { stdout } = await promisify(execFile)('du', ['-sk', '--', folder]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }));
  return Number(/^\d+/.exec(stdout)?.[0] ?? 0) * 1024;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / MEBIBYTE)} MiB`;
}
