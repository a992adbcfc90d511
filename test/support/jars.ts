import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { locateRuntime } from '../../src/runtime/runtime.ts';

const SOURCES = resolve(import.meta.dirname, '..', 'spark', 'java');
const COMPILER = resolve(import.meta.dirname, '..', '..', 'scripts', 'setup', 'CompileJars.java');

/** Paths of jars made of test/spark/java, one for each folder there. */
export interface TestJars {
  /** Functions of Spark's: `example.Shout` and `example.Greet`. */
  readonly udfs: string;
  /** A function of Hive's: `example.Backwards`. */
  readonly hive: string;
  /** `example.Words`, which `example.Greet` needs. */
  readonly words: string;
  /** The data source `example.countdown`. */
  readonly countdown: string;
}

/** Compiles the tests' jars by Janino, as set-up does the project's own: any Java that runs Spark will do. */
export function buildTestJars(target: string): TestJars {
  const { java, sparkHome, jars } = locateRuntime();
  const sparkJars = join(sparkHome, 'jars');
  const janino = readdirSync(sparkJars).filter((name) => /^(janino|commons-compiler)-/.test(name));
  const classPath = janino.map((name) => join(sparkJars, name)).join(':');
  const compile = ['org.codehaus.janino.SimpleCompiler', COMPILER, 'CompileJars', SOURCES, target, sparkJars, jars];
  execFileSync(java, ['-cp', classPath, ...compile]);
  const jar = (name: string) => join(target, `parthenon-${name}.jar`);
  return { udfs: jar('udfs'), hive: jar('hive'), words: jar('words'), countdown: jar('countdown') };
}

/** Writes a zip file (`.zip`, `.egg`, `.jar`) of texts by their names in it. */
export function writeZip(path: string, texts: Readonly<Record<string, string>>): void {
  const code = `import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as file:
    for name, text in json.load(sys.stdin).items():
        file.writestr(name, text)`;
  execFileSync(locateRuntime().python, ['-c', code, path], { input: JSON.stringify(texts) });
}

/** Code that prints which of these classes its session finds. */
export function whichOf(...classes: readonly string[]): string {
  return `loader = sc._jvm.Thread.currentThread().getContextClassLoader()
def finds(name):
    try:
        return sc._jvm.java.lang.Class.forName(name, True, loader) is not None
    except Exception as error:
        assert "ClassNotFoundException" in str(error)
        return False
print([name for name in ${JSON.stringify(classes)} if finds(name)])`;
}
