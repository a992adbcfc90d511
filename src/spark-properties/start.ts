/** What a session's properties ask of the driver that is to serve it. */
import { ruleOf } from './rules.ts';

type Properties = Readonly<Record<string, string>>;

/** What a JVM has that was started with nothing said. */
const SPARKS_DEFAULTS: Properties = { 'spark.driver.memory': '1g' };

/** Cluster managers for which SparkSubmit prepares more than a SparkContext can. */
const SUBMITTED_MASTERS = /^(yarn|k8s:)/;

/** A table format in a version of the session's own: of two on a class path the first wins, which is the one that is there. */
const TABLE_FORMAT_JAR = /(iceberg|delta|hudi)-[a-z]/;
const BRINGS_JARS = ['spark.jars', 'spark.jars.packages'];

/** Whether a session with these properties needs a JVM of its own from the start. */
export function needsFreshJvm(properties: Properties, master: string): boolean {
  return (
    SUBMITTED_MASTERS.test(master) ||
    BRINGS_JARS.some((name) => TABLE_FORMAT_JAR.test(properties[name] ?? '')) ||
    Object.keys(ofJvm(properties)).length > 0
  );
}

/** The properties that only a JVM started with them has. */
export function ofJvm(properties: Properties): Properties {
  return pick(properties, (name, value) => has(name, 'fresh-jvm') && value !== SPARKS_DEFAULTS[name]);
}

/** The properties that a SparkContext that runs already cannot take. */
export function ofContext(properties: Properties): Properties {
  return pick(properties, (name) => !has(name, 'run-time') && !has(name, 'fresh-jvm'));
}

function pick(properties: Properties, wanted: (name: string, value: string) => boolean): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name, value]) => wanted(name, value)));
}

function has(name: string, fate: 'run-time' | 'fresh-jvm'): boolean {
  return ruleOf(name).fates.includes(fate);
}
