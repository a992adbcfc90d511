import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { classData } from './class-data.mjs';
import { pythonEnvironment } from './environment.mjs';
import { readJson, writeJson } from './files.mjs';
import { jars } from './jars.mjs';
import { java } from './java.mjs';
import { withLock } from './lock.mjs';
import { nodePackages } from './node-packages.mjs';
import { checkout, runtimeFolder } from './paths.mjs';
import { SetupProblem } from './problem.mjs';
import { endRunning } from './process.mjs';
import { announce } from './progress.mjs';
import { sparkJava } from './spark-java.mjs';
import { systemPackage } from './system-package.mjs';

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {() => boolean} isDone looks at stamps only: a few milliseconds
 * @property {(progress: import('./progress.mjs').Progress, lock: import('./lock.mjs').HeldLock) => Promise<string>} run
 *   does the step, from wherever an earlier run was interrupted; tells what came of it
 */

/**
 * Makes sure that what the checkout needs is there: always the Node packages, and on request what Spark needs and what
 * the tests drive the server with. Does nothing and says nothing when all is in place. Two at once wait for each other.
 * @param {object} [options]
 * @param {boolean} [options.spark] Python environment, Java and jars
 * @param {boolean} [options.clients] the AWS clients that tests run, and where it may bubblewrap and Chromium
 * @returns {Promise<string>} the Node (24 or later) to run the project with
 * @throws {SetupProblem} what the user must do first
 */
export async function setUp({ spark = false, clients = false } = {}) {
  const node = nodePackages();
  // Beside the others' lock, which may lie in a folder that several checkouts share.
  await ensure(node, join(checkout, 'runtime', 'node-packages.lock'));
  const runtime = runtimeFolder();
  const lock = join(runtime, 'setup.lock');
  if (spark) await ensureSpark(runtime, lock);
  if (clients) {
    await ensure(clientsEnvironment(runtime), lock);
    await ensure(
      systemPackage({ name: 'bubblewrap', program: 'bwrap', purpose: 'for the tests of the sandbox' }),
      lock,
    );
    await ensure(systemPackage({ name: 'chromium', program: 'chromium', purpose: 'for the tests of pages' }), lock);
  }
  return node.node();
}

/**
 * @param {string} runtime
 * @param {string} lock
 */
async function ensureSpark(runtime, lock) {
  const python = pythonEnvironment({
    runtime,
    name: 'python',
    title: "Spark's Python environment",
    lock: join(checkout, 'spark', 'requirements.lock.txt'),
    buildLock: join(checkout, 'spark', 'build.lock.txt'),
    imports: 'pyspark.sql.connect.session, ipykernel, pandas, pyarrow, boto3, matplotlib.font_manager',
  });
  await ensure(python, lock);
  const sparkHome = () => sparkHomeIn(python.folder());
  const javaStep = java({ runtime, lock: join(checkout, 'spark', 'java.lock.txt') });
  await ensure(javaStep, lock);
  const jarsStep = jars({ runtime, lock: join(checkout, 'spark', 'jars.lock.json'), java: javaStep.path, sparkHome });
  await ensure(jarsStep, lock);
  const sparkJavaStep = sparkJava({
    runtime,
    sources: join(checkout, 'spark', 'java'),
    locks: ['requirements.lock.txt', 'jars.lock.json'].map((name) => join(checkout, 'spark', name)),
    java: javaStep.path,
    sparkHome,
    jars: jarsStep.folder,
  });
  await ensure(sparkJavaStep, lock);
  const interpreter = () => join(python.folder(), 'bin', 'python');
  const classDataStep = classData({
    runtime,
    locks: ['requirements.lock.txt', 'jars.lock.json'].map((name) => join(checkout, 'spark', name)),
    python: interpreter,
    java: javaStep.path,
    sparkHome,
    jars: () => [jarsStep.folder(), sparkJavaStep.folder()].flatMap(jarsIn),
  });
  await ensure(classDataStep, lock);

  const record = join(runtime, 'runtime.json');
  const found = {
    python: interpreter(),
    java: javaStep.path(),
    sparkHome: sparkHome(),
    jars: jarsStep.folder(),
    ownJars: sparkJavaStep.folder(),
    classData: classDataStep.path(),
  };
  if (JSON.stringify(readJson(record)) !== JSON.stringify(found)) writeJson(record, found);
}

/**
 * In the order of src/runtime/runtime.ts: Java compares the class path.
 * @param {string} folder
 */
function jarsIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(folder, name));
}

/** @param {string} runtime */
function clientsEnvironment(runtime) {
  return pythonEnvironment({
    runtime,
    name: 'clients',
    title: 'AWS clients for the tests',
    lock: join(checkout, 'test', 'clients', 'requirements.lock.txt'),
    buildLock: join(checkout, 'spark', 'build.lock.txt'),
    imports: 'boto3, awscli, awswrangler, pyathena.spark.cursor',
  });
}

/**
 * PySpark's folder in an environment.
 * @param {string} environment
 */
function sparkHomeIn(environment) {
  const lib = join(environment, 'lib');
  const python = readdirSync(lib).find((name) => /^python3\.\d+$/.test(name));
  return join(lib, String(python), 'site-packages', 'pyspark');
}

/**
 * @param {Step} step
 * @param {string} lock
 */
async function ensure(step, lock) {
  if (step.isDone()) return;
  await withLock(
    lock,
    async (held) => {
      if (step.isDone()) return;
      const progress = announce(step.title);
      try {
        progress.end(await step.run(progress, held));
      } catch (error) {
        progress.end('not done');
        throw error;
      }
    },
    ({ pid }) => process.stderr.write(`parthenon: another set-up is running (process ${pid}), waiting for it …\n`),
  );
}

/**
 * {@link setUp} for commands: a signal ends it with all that it started, and a failure is told and ends the process.
 * @param {Parameters<typeof setUp>[0]} options
 */
export async function setUpOrExit(options) {
  const restore = endWithSignals();
  try {
    return await setUp(options);
  } catch (error) {
    const said = /** @type {Error} */ (error).message;
    const message =
      error instanceof SetupProblem ? said : `set-up failed; it goes on from here when run again.\n${said}`;
    process.stderr.write(`parthenon: ${message}\n`);
    process.exit(1);
  } finally {
    restore();
  }
}

/**
 * From now on a signal that ends this process ends what set-up has running too; whoever comes next goes on from there.
 * @returns {() => void} takes that back
 */
function endWithSignals() {
  const handlers = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']).map((signal) => {
    const end = () => {
      endRunning();
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, end);
    return () => process.off(signal, end);
  });
  return () => {
    for (const takeBack of handlers) takeBack();
  };
}
