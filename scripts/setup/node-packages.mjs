import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fingerprint, onPath, readJson, writeJson } from './files.mjs';
import { checkout } from './paths.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';

const LEAST_NODE = 24;

/**
 * The packages of `package-lock.json` in `node_modules`, and among them or on PATH a Node that runs TypeScript.
 * @param {string} [folder] the checkout
 */
export function nodePackages(folder = checkout) {
  const modules = join(folder, 'node_modules');
  // Inside node_modules, so that `npm ci` and `rm -r node_modules` take it along.
  const stamp = join(modules, '.parthenon.json');
  const wanted = () => fingerprint(readFileSync(join(folder, 'package-lock.json')), process.platform, process.arch);

  return {
    title: 'Node packages',

    isDone() {
      const done = readJson(stamp);
      return done?.packages === wanted() && existsSync(done.node);
    },

    /** The Node (24 or later) that runs everything but set-up. @returns {string} */
    node() {
      return readJson(stamp).node;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, lock) {
      if (!matchesLock(folder)) await install(folder, progress, lock);
      const node = await findNode(modules);
      linkCommand(folder);
      writeJson(stamp, { packages: wanted(), node });
      return `Node ${(await run(node, ['--version'])).trim().slice(1)}`;
    },
  };
}

/**
 * Whether npm's own record of what it installed agrees with the lock: then nothing is to be done, e.g. after a plain
 * `npm install`. npm writes that record last, so it is missing after an interrupt.
 * @param {string} folder
 */
function matchesLock(folder) {
  const installed = readJson(join(folder, 'node_modules', '.package-lock.json'))?.packages;
  return (
    installed !== undefined &&
    packagesForHere(folder).every(([path, { integrity }]) => {
      return installed[path]?.integrity === integrity && existsSync(join(folder, path, 'package.json'));
    })
  );
}

/**
 * The lock's packages for this operating system and processor. Optional ones that name neither are left out: they serve
 * another platform's package, and npm installs them with it only.
 * @param {string} folder
 * @returns {[string, { version: string, integrity: string, os?: string[], cpu?: string[], libc?: string[] }][]}
 */
function packagesForHere(folder) {
  const lock = readJson(join(folder, 'package-lock.json'));
  if (lock === undefined)
    throw new SetupProblem(
      'package-lock.json is missing or broken; bring it back with: git checkout package-lock.json',
    );
  const libc = isGlibc() ? 'glibc' : 'musl';
  /** @param {string[] | undefined} allowed @param {string} here */
  const suits = (allowed, here) => allowed === undefined || allowed.includes(here);
  return Object.entries(/** @type {Record<string, any>} */ (lock.packages)).filter(
    ([path, { os, cpu, libc: libcs, optional }]) =>
      path !== '' &&
      (!optional || os || cpu) &&
      suits(os, process.platform) &&
      suits(cpu, process.arch) &&
      (process.platform !== 'linux' || suits(libcs, libc)),
  );
}

function isGlibc() {
  // In Node's report because no function tells; absent on musl.
  return Boolean(/** @type {any} */ (process.report.getReport()).header.glibcVersionRuntime);
}

/**
 * @param {string} folder
 * @param {import('./progress.mjs').Progress} progress
 * @param {import('./lock.mjs').HeldLock} lock
 */
async function install(folder, progress, lock) {
  const [command, ...prefix] = npm();
  const total = packagesForHere(folder).length;
  let fetched = 0;
  // Scripts stay off: the one package that has any (zeromq) only looks for its prebuilt library.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=http', '--no-progress'];
  await run(/** @type {string} */ (command), [...prefix, ...args], {
    cwd: folder,
    env: { ...process.env, PATH: pathWithout(folder) },
    onStart: lock.noteChild,
    onLine: (line) => {
      if (/^npm http .*\.tgz/.test(line)) progress.update(`${Math.min(++fetched, total)} of ${total} fetched`);
    },
  });
}

/** npm's command line: the one on PATH, else the one that runs us. */
function npm() {
  if (onPath('npm', pathWithout(checkout)).length > 0) return ['npm'];
  if (process.env.npm_execpath) return [process.execPath, process.env.npm_execpath];
  throw new SetupProblem('npm is not on PATH; on Debian and Ubuntu install it with: apt-get install -y npm');
}

/**
 * PATH without this checkout's programs, which npm is about to replace while it runs.
 * @param {string} folder
 */
function pathWithout(folder) {
  const own = join(folder, 'node_modules') + sep;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.startsWith(own))
    .join(delimiter);
}

/** @param {string} modules */
async function findNode(modules) {
  const packaged = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  for (const node of [packaged, process.execPath, ...onPath('node')]) {
    // One that does not start, e.g. glibc's on a musl system, is passed over.
    const version = await run(node, ['--version']).catch(() => '');
    if (Number(/^v(\d+)\./.exec(version)?.[1]) >= LEAST_NODE) return node;
  }
  const command = process.platform === 'darwin' ? 'brew install node' : 'nvm install 24';
  throw new SetupProblem(
    `npm has no Node ${LEAST_NODE} for ${process.platform} on ${process.arch}, and there is none on PATH; install one with: ${command}`,
  );
}

/**
 * Makes `npx parthenon` find the command at once, instead of installing the checkout into npx's cache first.
 * @param {string} folder
 */
function linkCommand(folder) {
  const link = join(folder, 'node_modules', '.bin', 'parthenon');
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(join('..', '..', 'bin', 'parthenon.mjs'), link);
}
