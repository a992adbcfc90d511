import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fingerprint, readJson, writeJson } from './files.mjs';
import { findPython, pipSettings } from './python.mjs';
import { run } from './process.mjs';
import { ensureUv } from './uv.mjs';

const STAMP = 'parthenon.json';
/** Where Matplotlib's list of fonts lies in an environment; every driver gets a copy, in place of making one for seconds. */
const FONT_LISTS = 'matplotlib';

/**
 * A Python environment that holds what a lock lists and nothing else.
 *
 * Each state of the lock has a folder of its own, `environments/<name>-<hash>`, filled and tried before the link
 * `<name>` is set to it in one step: what runs on the old one goes on undisturbed. The one before is kept until the
 * next change; a folder without its stamp was interrupted and is made anew, from uv's cache.
 *
 * @param {object} options
 * @param {string} options.runtime the folder that set-up fills
 * @param {string} options.name e.g. `python`
 * @param {string} options.title for people
 * @param {string} options.lock the requirements with their hashes
 * @param {string} options.buildLock what builds the packages that are published as source only
 * @param {string} options.imports modules that must import together, e.g. `pyspark, pandas`
 */
export function pythonEnvironment({ runtime, name, title, lock, buildLock, imports }) {
  const link = join(runtime, name);
  const environments = join(runtime, 'environments');
  const wanted = () => fingerprint(readFileSync(lock), readFileSync(buildLock), process.platform, process.arch);
  const folder = () => join(environments, `${name}-${wanted().slice(0, 12)}`);

  return {
    title,

    isDone() {
      return readJson(join(link, STAMP))?.lock === wanted() && existsSync(join(link, 'bin', 'python'));
    },

    /** The environment's folder itself, not the link to it. */
    folder() {
      return realpathSync(link);
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, { noteChild }) {
      const uv = await ensureUv(runtime, progress, noteChild);
      const env = { ...process.env, ...pipSettings(uv.python), NO_COLOR: '1', UV_NO_PROGRESS: '1' };
      const target = folder();
      const python = join(target, 'bin', 'python');
      if (readJson(join(target, STAMP)) === undefined || !existsSync(python)) {
        mkdirSync(environments, { recursive: true });
        progress.update('making the environment');
        const base = await findPython(uv.command, env, noteChild);
        const options = { cwd: runtime, env, onStart: noteChild };
        await run(uv.command, ['venv', '--clear', '--no-project', '--python', base, target], options);
        const args = [
          'pip',
          'sync',
          '--require-hashes',
          '--compile-bytecode',
          '--python',
          python,
          '--build-constraints',
        ];
        await run(uv.command, [...args, buildLock, lock], { ...options, onLine: downloads(progress) });
        progress.update('trying it');
        // Where Matplotlib is among them it looks all fonts over, and leaves the list here: see FONT_LISTS.
        const trying = { ...options, env: { ...env, MPLCONFIGDIR: join(target, FONT_LISTS) } };
        await run(python, ['-c', `import ${imports}`], trying);
        writeJson(join(target, STAMP), { lock: wanted() });
      }
      const before = point(link, target);
      removeOthers(environments, name, [basename(target), before]);
      return (await run(python, ['--version'])).trim();
    },
  };
}

/**
 * Reads uv's lines into `4 of 9 large packages, 210 of 655 MiB`.
 * @param {import('./progress.mjs').Progress} progress
 * @returns {(line: string) => void}
 */
export function downloads(progress) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  let packages = 0;
  let bytes = 0;
  return (line) => {
    const begun = /^Downloading (\S+) \(([\d.]+)(KiB|MiB|GiB)\)/.exec(line.trim());
    const ended = /^Downloaded (\S+)/.exec(line.trim());
    const building = /^Building (\S+)/.exec(line.trim());
    if (begun) {
      const unit = { KiB: 1 / 1024, MiB: 1, GiB: 1024 }[/** @type {'KiB' | 'MiB' | 'GiB'} */ (begun[3])];
      sizes.set(/** @type {string} */ (begun[1]), Number(begun[2]) * unit);
    } else if (ended) {
      packages++;
      bytes += sizes.get(/** @type {string} */ (ended[1])) ?? 0;
    } else if (building) {
      return progress.update(`fetching and building ${building[1]}`);
    } else if (/^Installed /.test(line)) {
      return progress.update(
        `${line.replace(/^Installed (\d+ packages?).*/, '$1 installed')}, compiling their modules`,
      );
    } else {
      return;
    }
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    progress.update(
      `fetched ${packages} of ${sizes.size} large packages, ${bytes.toFixed(0)} of ${total.toFixed(0)} MiB`,
    );
  };
}

/**
 * Sets a link in one step; whatever else stood there is removed.
 * @param {string} link
 * @param {string} target
 * @returns {string | undefined} the name of the folder that it pointed to
 */
function point(link, target) {
  let before;
  try {
    before = basename(readlinkSync(link));
  } catch {
    rmSync(link, { recursive: true, force: true });
  }
  const fresh = `${link}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(relative(join(link, '..'), target), fresh);
  renameSync(fresh, link);
  return before;
}

/**
 * @param {string} environments
 * @param {string} name
 * @param {(string | undefined)[]} kept
 */
function removeOthers(environments, name, kept) {
  for (const other of readdirSync(environments)) {
    if (other.startsWith(`${name}-`) && !kept.includes(other)) rmSync(join(environments, other), { recursive: true });
  }
}
