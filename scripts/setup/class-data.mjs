import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from './files.mjs';
import { CommandFailed, run } from './process.mjs';

const MAKER = fileURLToPath(new URL('../../spark/make_class_data.py', import.meta.url));
/** What decides which classes a driver's JVM loads, and how it is started. */
const SOURCES = ['class_data.py', 'warm_up.py', 'rehearsal.py', 'jvm_options.py'].map((name) =>
  join(dirname(MAKER), 'parthenon_driver', name),
);

/**
 * The class-data archive of drivers: the classes that Spark loads, as Java maps them. It belongs to one Java and one list of
 * jars; for others another is made.
 *
 * @param {object} options
 * @param {string} options.runtime the folder that set-up fills
 * @param {readonly string[]} options.locks of Python and jars
 * @param {() => string} options.python
 * @param {() => string} options.java the `java` executable
 * @param {() => string} options.sparkHome
 * @param {() => readonly string[]} options.jars on every driver's class path behind Spark's own, in their order
 */
export function classData({ runtime, locks, python, java, sparkHome, jars }) {
  const file = () => {
    const release = join(dirname(dirname(realpathSync(java()))), 'release');
    const parts = [java(), existsSync(release) ? readFileSync(release) : '', sparkHome(), ...jars()];
    return join(
      runtime,
      'class-data',
      `${fingerprint(...parts, ...readAll(locks), ...readAll(SOURCES)).slice(0, 12)}.jsa`,
    );
  };

  const failure = () => `${file()}.failed`;

  return {
    title: "Spark's classes, so that Java starts with them",

    isDone() {
      return existsSync(file()) || existsSync(failure());
    },

    /** Where it lies once it is made. */
    file,

    /** The archive; null where it could not be made. @returns {string | null} */
    path() {
      return existsSync(file()) ? file() : null;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(_progress, { noteChild }) {
      const target = file();
      const work = `${target}.partial`;
      rmSync(work, { recursive: true, force: true });
      mkdirSync(join(work, 'tmp'), { recursive: true });
      const archive = join(work, 'classes.jsa');
      writeFileSync(join(work, 'launch.json'), JSON.stringify(launchInstructions(archive)));
      try {
        await run(python(), ['-u', MAKER, work], {
          cwd: work,
          env: { ...process.env, PYSPARK_PYTHON: python(), PYTHONDONTWRITEBYTECODE: '1', TMPDIR: join(work, 'tmp') },
          onStart: noteChild,
        });
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        // Drivers do without it, only slower: no reason to have no server.
        writeFileSync(failure(), error.message);
        return `not made; sessions start slower without it. What happened: ${failure()}`;
      }
      renameSync(archive, target);
      // A JVM that maps an older one goes on; what starts without it is only slower.
      removeOthers(target);
      return `${Math.round(statSync(target).size / 1024 ** 2)} MB`;
    },
  };

  /**
   * As src/drivers/driver-folder.ts writes them for a driver that becomes warm.
   * @param {string} archive
   */
  function launchInstructions(archive) {
    return {
      java: java(),
      spark_home: sparkHome(),
      jars: jars(),
      ivy_cache: '',
      jvm_properties: {},
      warm: true,
      held: null,
      class_data: archive,
    };
  }
}

/**
 * Leaves nothing but this file in its folder.
 * @param {string} file
 */
function removeOthers(file) {
  for (const name of readdirSync(dirname(file))) {
    if (name !== basename(file)) rmSync(join(dirname(file), name), { recursive: true, force: true });
  }
}

/** @param {readonly string[]} files */
function readAll(files) {
  return files.map((file) => readFileSync(file));
}
