import { randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endGroup, processStart } from './process.mjs';

/**
 * A lock between processes, without a helper program and without a moment in which two could hold it.
 *
 * The lock is a folder with numbered entries; the highest number tells the state: held by a process, or free. Who
 * wants the lock adds the next number by link(2), which one alone can do, and looks that nothing higher has come
 * meanwhile. Releasing adds an entry too, so numbers never fall and a slow reader cannot act on an old state unseen.
 */

const POLL_MS = 200;
/** Owners on other machines (a shared folder) cannot be asked; their entry's time is renewed this often, … */
const HEARTBEAT_MS = 5_000;
/** … and they are taken for dead after this long without. */
const HEARTBEAT_LOST_MS = 60_000;

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string | undefined} start of the process, see `processStart`
 * @property {string} host
 * @property {{ pid: number, start: string | undefined }} [child] the command that the owner has running
 */

/**
 * @typedef {object} HeldLock
 * @property {(pid: number) => void} noteChild remembers a command that runs now, so that whoever takes the lock over
 *   from a killed owner can end it first
 */

/**
 * Runs `work` while holding a lock. An owner that is dead is succeeded: the command that it left running is ended first.
 * @template T
 * @param {string} folder the lock's own folder; made if missing
 * @param {(lock: HeldLock) => Promise<T>} work
 * @param {(owner: Owner) => void} [onWait] called once, when another owner is alive
 * @returns {Promise<T>}
 */
export async function withLock(folder, work, onWait = () => {}) {
  const entry = await acquire(folder, onWait);
  const file = join(folder, String(entry));
  const beat = setInterval(() => touch(file), HEARTBEAT_MS);
  try {
    return await work({ noteChild: (pid) => replace(file, { ...self(), child: { pid, start: processStart(pid) } }) });
  } finally {
    clearInterval(beat);
    add(folder, entry + 1, 'free');
    removeBelow(folder, entry + 1);
  }
}

/**
 * @param {string} folder
 * @param {(owner: Owner) => void} onWait
 */
async function acquire(folder, onWait) {
  mkdirSync(folder, { recursive: true });
  for (let waited = false; ; ) {
    const highest = Math.max(0, ...entries(folder));
    const state = highest === 0 ? 'free' : read(join(folder, String(highest)));
    if (state !== undefined && (state === 'free' || isDead(state, join(folder, String(highest))))) {
      if (add(folder, highest + 1, self())) {
        if (Math.max(...entries(folder)) === highest + 1) {
          if (state !== 'free') await endChild(state);
          removeBelow(folder, highest + 1);
          return highest + 1;
        }
        rmSync(join(folder, String(highest + 1)), { force: true });
      }
      continue;
    }
    if (state !== undefined && !waited) {
      waited = true;
      onWait(state);
    }
    await sleep(POLL_MS);
  }
}

/** @returns {Owner} */
function self() {
  return { pid: process.pid, start: processStart(process.pid), host: hostname() };
}

/** @param {string} folder */
function entries(folder) {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

/**
 * @param {string} file
 * @returns {Owner | 'free' | undefined} undefined when the entry has been succeeded meanwhile
 */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @param {number} entry
 * @param {Owner | 'free'} state
 * @returns {boolean} false when another process was first
 */
function add(folder, entry, state) {
  const temporary = join(folder, `.${randomUUID()}`);
  writeFileSync(temporary, JSON.stringify(state));
  try {
    linkSync(temporary, join(folder, String(entry)));
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * @param {string} file
 * @param {Owner} state
 */
function replace(file, state) {
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, JSON.stringify(state));
  renameSync(temporary, file);
}

/**
 * @param {string} folder
 * @param {number} entry
 */
function removeBelow(folder, entry) {
  for (const old of entries(folder)) if (old < entry) rmSync(join(folder, String(old)), { force: true });
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The folder was removed under us; the work will tell.
  }
}

/**
 * @param {Owner} owner
 * @param {string} file
 */
function isDead(owner, file) {
  if (owner.host === hostname()) {
    const start = processStart(owner.pid);
    return start === undefined || start !== owner.start;
  }
  const modified = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return modified !== undefined && Date.now() - modified > HEARTBEAT_LOST_MS;
}

/** @param {Owner} owner */
async function endChild({ host, child }) {
  if (host !== hostname() || child === undefined || child.start === undefined) return;
  for (let attempt = 0; processStart(child.pid) === child.start; attempt++) {
    endGroup(child.pid, attempt < 25 ? 'SIGTERM' : 'SIGKILL');
    await sleep(POLL_MS);
  }
}
