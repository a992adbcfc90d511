import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the programs and libraries of a driver lie; absolute paths, all of them. */
export interface Runtime {
  /** The Python that runs drivers, in the locked environment. */
  readonly python: string;
  /** The `java` executable of a Java 17; `JAVA_HOME` is the folder above its `bin`. */
  readonly java: string;
  /** PySpark's folder in that environment: Spark's `SPARK_HOME`. */
  readonly sparkHome: string;
  /** The folder of the pinned jars that Spark does not ship itself (`spark/jars.lock.json`). */
  readonly jars: string;
  /** The folder of the jars made of the project's own Java (`spark/java`). */
  readonly ownJars: string;
  /** The class-data archive: the classes that drivers load, as Java maps them; null where it could not be made. */
  readonly classData: string | null;
}

/** Set-up has not been run, or what it made has gone. Its message names the command that helps. */
export class RuntimeMissing extends Error {
  override readonly name = 'RuntimeMissing';
}

const PARTS = ['python', 'java', 'sparkHome', 'jars', 'ownJars'] as const;
const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The folder that set-up fills: `PARTHENON_RUNTIME`, else `runtime` in the checkout.
 * @param environment the variables to look in; the process's own unless told
 */
export function runtimeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.PARTHENON_RUNTIME ? resolve(environment.PARTHENON_RUNTIME) : join(checkout, 'runtime');
}

/**
 * Reads where set-up (`scripts/setup`) put everything that a driver is made of, and looks that it is still there.
 * @param folder the folder that set-up filled; {@link runtimeFolder} unless told
 * @throws RuntimeMissing when set-up has not been run, was interrupted, or something that it made has gone
 */
export function locateRuntime(folder: string = runtimeFolder()): Runtime {
  const record = readRecord(join(folder, 'runtime.json'));
  for (const part of PARTS) {
    const path = record[part];
    if (typeof path !== 'string') throw missing(`${join(folder, 'runtime.json')} does not name ${part}`);
    if (!existsSync(path)) throw missing(`${path} is not there`);
  }
  const { classData = null } = record;
  return { ...record, classData } as unknown as Runtime;
}

/** The jars on every driver's class path behind Spark's own, in the order in which the class-data archive was made. */
export function driverJars({ jars, ownJars }: Runtime): string[] {
  return [jars, ownJars].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.jar'))
      .sort()
      .map((name) => join(folder, name)),
  );
}

function readRecord(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw missing(`${file} is not there`);
  }
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw missing(`${file} is not JSON`);
  }
}

function missing(reason: string): RuntimeMissing {
  return new RuntimeMissing(`Python, Java and Spark are not set up (${reason}). Run: npm run setup`);
}
