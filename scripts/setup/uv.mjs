import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, onPath, readJson, writeJson } from './files.mjs';
import { checkout } from './paths.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';

const LOCK = join(checkout, 'scripts', 'setup', 'uv.lock.txt');

/**
 * The uv of `uv.lock.txt`, which makes the Python environments, in `uv` under the folder that set-up fills. It comes by
 * the pip of some Python on this machine, else by that of a virtual environment; where neither is to be had, any uv on
 * PATH serves.
 * @param {string} runtime
 * @param {import('./progress.mjs').Progress} progress
 * @param {(pid: number) => void} noteChild
 * @returns {Promise<{ command: string, python: string | undefined }>} uv, and a Python whose pip has the user's settings
 */
export async function ensureUv(runtime, progress, noteChild) {
  const folder = join(runtime, 'uv');
  const command = join(folder, 'bin', 'uv');
  const wanted = fingerprint(readFileSync(LOCK), process.platform, process.arch);
  const pythons = [...onPath('python3'), ...onPath('python')];
  if (readJson(join(folder, 'parthenon.json'))?.lock === wanted && existsSync(command))
    return { command, python: pythons[0] };

  progress.update('getting uv');
  /** @type {string[]} */
  const failures = [];
  for (const python of pythons) {
    for (const install of [installByPip, installByVenv]) {
      const partial = `${folder}.partial`;
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      try {
        await install(python, partial, noteChild);
        writeJson(join(partial, 'parthenon.json'), { lock: wanted });
        rmSync(folder, { recursive: true, force: true });
        renameSync(partial, folder);
        return { command, python };
      } catch (error) {
        failures.push(/** @type {Error} */ (error).message);
      }
    }
  }
  const [other] = onPath('uv');
  if (other) return { command: other, python: pythons[0] };
  throw noWay(pythons[0], failures);
}

/** @typedef {(python: string, folder: string, noteChild: (pid: number) => void) => Promise<void>} Install */

/** pip's variables that would turn the installation elsewhere. */
const NEUTRAL = { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

/** @type {Install} */
async function installByPip(python, folder, noteChild) {
  const args = [
    '-m',
    'pip',
    'install',
    '--require-hashes',
    '--no-deps',
    '--only-binary=:all:',
    '--target',
    folder,
    '-r',
    LOCK,
  ];
  await run(python, args, { env: { ...process.env, ...NEUTRAL }, onStart: noteChild });
}

/** @type {Install} */
async function installByVenv(python, folder, noteChild) {
  const venv = join(folder, 'venv');
  await run(python, ['-m', 'venv', venv], { onStart: noteChild });
  await installByPip(join(venv, 'bin', 'python'), folder, noteChild);
  rmSync(venv, { recursive: true });
}

/**
 * @param {string | undefined} python
 * @param {string[]} failures
 */
function noWay(python, failures) {
  const mac = process.platform === 'darwin';
  if (python === undefined) {
    return new SetupProblem(
      `Python 3.10 or later is needed and not on PATH; install it with: ${mac ? 'brew install python@3.11' : 'apt-get install -y python3 python3-venv'}`,
    );
  }
  if (failures.every((failure) => /No module named pip|ensurepip/.test(failure))) {
    return new SetupProblem(
      `${python} has neither pip nor venv; on Debian and Ubuntu install them with: apt-get install -y python3-venv`,
    );
  }
  return new SetupProblem(`uv could not be installed by pip; this is what pip said:\n${failures[0]}`);
}
