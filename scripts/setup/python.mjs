import { execFileSync } from 'node:child_process';
import { onPath } from './files.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';

/** Pythons that all packages of the lock have builds for, the first one preferred. */
const VERSIONS = ['3.11', '3.12', '3.10'];

/**
 * A Python for the environment: one that is on PATH, else one that uv fetches.
 * @param {string} uv
 * @param {NodeJS.ProcessEnv} env
 * @param {(pid: number) => void} noteChild
 * @returns {Promise<string>} an executable, or a version that uv knows where to find
 */
export async function findPython(uv, env, noteChild) {
  for (const name of [...VERSIONS.map((version) => `python${version}`), 'python3', 'python']) {
    for (const python of onPath(name)) {
      const found = await describe(python);
      if (found && VERSIONS.includes(found.version)) return found.executable;
    }
  }
  const preferred = /** @type {string} */ (VERSIONS[0]);
  try {
    await run(uv, ['python', 'install', preferred], { env, onStart: noteChild });
    return preferred;
  } catch {
    throw new SetupProblem(
      `Spark's Python packages need Python 3.10, 3.11 or 3.12, none is on PATH and uv could not fetch one; install one with: ${
        process.platform === 'darwin' ? 'brew install python@3.11' : 'apt-get install -y python3 python3-venv'
      }`,
    );
  }
}

/**
 * The real interpreter behind a command, which may be a version manager's script; `undefined` when it does not run.
 * @param {string} python
 * @returns {Promise<{ executable: string, version: string } | undefined>}
 */
async function describe(python) {
  const code = 'import sys; print(sys.executable); print("%d.%d" % sys.version_info[:2])';
  try {
    const [executable, version] = (await run(python, ['-c', code])).trim().split('\n');
    return executable && version ? { executable, version } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The user's mirror and certificate settings for pip, as uv's variables; uv's own settings win.
 * @param {string | undefined} python one that has pip
 * @returns {NodeJS.ProcessEnv}
 */
export function pipSettings(python) {
  const settings = { ...(python && pipConfiguration(python)), ...pipVariables() };
  /** @type {Record<string, string | undefined>} */
  const translated = {
    UV_DEFAULT_INDEX: settings['index-url'],
    UV_INDEX: settings['extra-index-url']?.trim().split(/\s+/).join(' '),
    UV_FIND_LINKS: settings['find-links']?.trim().split(/\s+/).join(','),
    UV_INSECURE_HOST: settings['trusted-host']?.trim().split(/\s+/).join(' '),
    SSL_CERT_FILE: settings.cert,
  };
  if (process.env.UV_INDEX_URL) delete translated.UV_DEFAULT_INDEX;
  if (process.env.UV_EXTRA_INDEX_URL) delete translated.UV_INDEX;
  return Object.fromEntries(Object.entries(translated).filter(([name, value]) => value && !process.env[name]));
}

/** `PIP_INDEX_URL=…` as `index-url`. @returns {Record<string, string>} */
function pipVariables() {
  /** @type {Record<string, string>} */
  const settings = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('PIP_') && value) settings[name.slice(4).toLowerCase().replaceAll('_', '-')] = value;
  }
  return settings;
}

/**
 * What pip's configuration files say. `install.` counts more than `global.`, as it does for pip.
 * @param {string} python
 * @returns {Record<string, string>}
 */
function pipConfiguration(python) {
  let output;
  try {
    output = execFileSync(python, ['-m', 'pip', 'config', 'list'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return {};
  }
  return parsePipConfiguration(output);
}

/**
 * Reads the output of `pip config list`, e.g. `global.index-url='https://…'`.
 * @param {string} output
 * @returns {Record<string, string>}
 */
export function parsePipConfiguration(output) {
  /** @type {Record<'global' | 'install', Record<string, string>>} */
  const sections = { global: {}, install: {} };
  for (const line of output.split('\n')) {
    const [, section, name, value] = /^(global|install)\.([\w-]+)='(.*)'$/.exec(line.trim()) ?? [];
    // pip prints Python literals: a list is one string with line breaks written as \n.
    if (section && name)
      sections[/** @type {'global' | 'install'} */ (section)][name] = (value ?? '').replaceAll('\\n', ' ');
  }
  return { ...sections.global, ...sections.install };
}
