import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from './files.mjs';
import { run } from './process.mjs';

const COMPILER = fileURLToPath(new URL('CompileJars.java', import.meta.url));

/**
 * The project's own Java for Spark's JVMs: each folder of the sources becomes a jar, `parthenon-<folder>.jar`.
 *
 * Each state of the sources has a folder of its own, which gets its name when it is whole: a server that runs on the one
 * before goes on undisturbed.
 *
 * @param {object} options
 * @param {string} options.runtime the folder that set-up fills
 * @param {string} options.sources e.g. `spark/java`
 * @param {readonly string[]} options.locks of what the sources are compiled against
 * @param {() => string} options.java the `java` executable
 * @param {() => string} options.sparkHome whose jars hold the compiler
 * @param {() => string} options.jars the folder of the pinned jars
 */
export function sparkJava({ runtime, sources, locks, java, sparkHome, jars }) {
  const folder = () => join(runtime, 'own-jars', hashOf(sources, [COMPILER, ...locks]).slice(0, 12));

  return {
    title: "Parthenon's own jars",

    isDone() {
      return statSync(folder(), { throwIfNoEntry: false }) !== undefined;
    },

    folder,

    /** @type {import('./setup.mjs').Step['run']} */
    async run(_progress, { noteChild }) {
      const target = folder();
      const partial = join(runtime, 'own-jars', 'partial');
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      const sparkJars = join(sparkHome(), 'jars');
      await run(
        java(),
        ['-cp', compilerOf(sparkJars), 'org.codehaus.janino.SimpleCompiler', COMPILER, 'CompileJars'].concat([
          sources,
          partial,
          sparkJars,
          jars(),
        ]),
        { onStart: noteChild },
      );
      renameSync(partial, target);
      return readdirSync(target).join(', ');
    },
  };
}

/**
 * Names and contents of all sources, and of what is done with them.
 * @param {string} sources
 * @param {readonly string[]} others
 */
function hashOf(sources, others) {
  const names = /** @type {string[]} */ (readdirSync(sources, { recursive: true })).filter((name) =>
    name.endsWith('.java'),
  );
  const parts = names.sort().flatMap((name) => [name, readFileSync(join(sources, name))]);
  return fingerprint(...parts, ...others.map((file) => readFileSync(file)));
}

/**
 * Janino, as PySpark ships it.
 * @param {string} sparkJars
 */
function compilerOf(sparkJars) {
  const names = readdirSync(sparkJars).filter((name) => /^(janino|commons-compiler)-[\d.]+\.jar$/.test(name));
  if (names.length !== 2) throw new Error(`PySpark's jars in ${sparkJars} have no Janino among them`);
  return names.map((name) => join(sparkJars, name)).join(':');
}
