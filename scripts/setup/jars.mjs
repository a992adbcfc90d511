import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileMark, hashFile, readJson, writeJson } from './files.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';

const POLL_MS = 500;

/**
 * @typedef {object} LockedJar
 * @property {string} organization
 * @property {string} name
 * @property {string} version
 * @property {number} size in bytes
 * @property {string} sha256 in hexadecimal
 */

/** @param {LockedJar} jar */
const fileName = ({ name, version }) => `${name}-${version}.jar`;

/**
 * The jars of a lock in a folder that holds them and nothing else. Ivy fetches them, which PySpark ships, from where it
 * does by default or, with PARTHENON_IVY_SETTINGS, as that ivysettings file says. A jar gets its name in the folder
 * only after its SHA-256 was found right.
 *
 * @param {object} options
 * @param {string} options.runtime the folder that set-up fills
 * @param {string} options.lock
 * @param {() => string} options.java the `java` executable
 * @param {() => string} options.sparkHome
 */
export function jars({ runtime, lock, java, sparkHome }) {
  const folder = join(runtime, 'jars');
  const record = join(runtime, 'jars.json');
  /** @returns {LockedJar[]} */
  const locked = () => readJson(lock).jars;

  return {
    title: 'Jars',

    /** By size and change time of each file as they were when its content was checked. */
    isDone() {
      const marks = readJson(record);
      return locked().every((jar) => {
        const mark = fileMark(join(folder, fileName(jar)));
        return mark !== undefined && marks?.[jar.sha256] === mark;
      });
    },

    folder() {
      return folder;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, { noteChild }) {
      mkdirSync(folder, { recursive: true });
      const missing = [];
      for (const jar of locked()) {
        progress.update(`checking ${fileName(jar)}`);
        if (!(await isRight(join(folder, fileName(jar)), jar))) missing.push(jar);
      }
      if (missing.length > 0)
        await fetchJars(missing, { runtime, folder, java: java(), sparkHome: sparkHome(), progress, noteChild });
      removeOthers(folder, locked().map(fileName));
      writeJson(record, Object.fromEntries(locked().map((jar) => [jar.sha256, fileMark(join(folder, fileName(jar)))])));
      return `${locked().length} verified`;
    },
  };
}

/**
 * @param {string} file
 * @param {LockedJar} jar
 */
async function isRight(file, { size, sha256 }) {
  return statSync(file, { throwIfNoEntry: false })?.size === size && (await hashFile(file)) === sha256;
}

/**
 * @param {LockedJar[]} missing
 * @param {object} context
 * @param {string} context.runtime
 * @param {string} context.folder
 * @param {string} context.java
 * @param {string} context.sparkHome
 * @param {import('./progress.mjs').Progress} context.progress
 * @param {(pid: number) => void} context.noteChild
 */
async function fetchJars(missing, { runtime, folder, java, sparkHome, progress, noteChild }) {
  // Kept over an interrupt: Ivy does not fetch again what it has in whole.
  const downloads = join(runtime, 'downloads');
  const retrieved = join(downloads, 'jars');
  const cache = join(downloads, 'ivy');
  rmSync(retrieved, { recursive: true, force: true });
  mkdirSync(retrieved, { recursive: true });
  const ivyFile = join(downloads, 'ivy.xml');
  writeFileSync(ivyFile, ivyModule(missing));

  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const poll = setInterval(() => {
    const percent = Math.min(100, Math.round((100 * bytesUnder(cache)) / total));
    progress.update(`${percent} % of ${Math.round(total / 2 ** 20)} MiB`);
  }, POLL_MS);
  const settings = process.env.PARTHENON_IVY_SETTINGS ? ['-settings', process.env.PARTHENON_IVY_SETTINGS] : [];
  const pattern = join(retrieved, '[artifact]-[revision].[ext]');
  const args = ['-ivy', ivyFile, '-cache', cache, '-confs', 'default', '-retrieve', pattern];
  try {
    await run(java, ['-cp', ivyJar(sparkHome), 'org.apache.ivy.Main', ...settings, ...args], { onStart: noteChild });
  } finally {
    clearInterval(poll);
  }
  for (const jar of missing) await accept(join(retrieved, fileName(jar)), jar, join(folder, fileName(jar)), downloads);
  rmSync(downloads, { recursive: true });
}

/** @param {string} sparkHome */
function ivyJar(sparkHome) {
  const folder = join(sparkHome, 'jars');
  const jar = readdirSync(folder).find((name) => /^ivy-[\d.]+\.jar$/.test(name));
  if (jar === undefined) throw new Error(`PySpark's jars in ${folder} have no Ivy among them`);
  return join(folder, jar);
}

/**
 * Moves a fetched jar to its place, if it is the one of the lock.
 * @param {string} fetched
 * @param {LockedJar} jar
 * @param {string} place
 * @param {string} downloads removed when the jar is refused, so that the next run does not find it again
 * @throws {SetupProblem}
 */
async function accept(fetched, jar, place, downloads) {
  const found = await hashFile(fetched);
  if (found !== jar.sha256) {
    rmSync(downloads, { recursive: true });
    throw new SetupProblem(
      `${fileName(jar)} was refused: its SHA-256 is ${found}, spark/jars.lock.json says ${jar.sha256}; if you use a mirror, look at what it gives out, then try again with: npm run setup`,
    );
  }
  renameSync(fetched, place);
}

/**
 * Each jar by itself, without what it depends on: Spark ships that, or the lock lists it.
 * @param {readonly LockedJar[]} wanted
 */
function ivyModule(wanted) {
  const dependencies = wanted.map(
    ({ organization, name, version }) =>
      `    <dependency org="${organization}" name="${name}" rev="${version}" transitive="false" conf="default->master"/>`,
  );
  return `<ivy-module version="2.0">
  <info organisation="parthenon" module="jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</ivy-module>
`;
}

/** @param {string} folder */
function bytesUnder(folder) {
  let bytes = 0;
  for (const entry of readdirSyncIfThere(folder)) {
    // A file may be renamed between listing and looking.
    const stat = statSync(join(folder, entry), { throwIfNoEntry: false });
    if (stat?.isFile()) bytes += stat.size;
  }
  return bytes;
}

/** @param {string} folder @returns {string[]} */
function readdirSyncIfThere(folder) {
  try {
    return /** @type {string[]} */ (readdirSync(folder, { recursive: true }));
  } catch {
    return [];
  }
}

/**
 * @param {string} folder
 * @param {readonly string[]} kept
 */
function removeOthers(folder, kept) {
  for (const name of readdirSync(folder)) if (!kept.includes(name)) rmSync(join(folder, name), { recursive: true });
}
