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

/** Properties by which a session brings files; a SparkContext is made after they have been fetched with its own keys. */
const FILES = /^spark\.(jars(\..*)?|files|archives|submit\.pyFiles)$/;

/** Names and values that may hold secrets; the names are those that Spark itself redacts. `spark.redaction.regex` */
const SECRET = /secret|password|passwd|token|access[.]?key|credential/i;

/** Whether SparkSubmit has to know all of a session's properties before a JVM is there. */
export function goesBySubmit(master: string): boolean {
  return SUBMITTED_MASTERS.test(master);
}

/** The properties that only a JVM started with them has. */
export function ofJvm(properties: Properties): Properties {
  return pick(
    properties,
    (name, value) =>
      (has(name, 'fresh-jvm') && value !== SPARKS_DEFAULTS[name]) ||
      (BRINGS_JARS.includes(name) && TABLE_FORMAT_JAR.test(value)),
  );
}

/** The properties that a SparkContext that runs already cannot take. */
export function ofContext(properties: Properties): Properties {
  return pick(properties, (name) => !has(name, 'run-time') && !has(name, 'fresh-jvm'));
}

/** Whether these properties can be prepared for sessions to come: no files of one session's, and nothing that may be secret. */
export function canBePrepared(properties: Properties): boolean {
  return !Object.entries(properties).some(
    ([name, value]) => FILES.test(name) || SECRET.test(name) || SECRET.test(value),
  );
}

function pick(properties: Properties, wanted: (name: string, value: string) => boolean): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name, value]) => wanted(name, value)));
}

function has(name: string, fate: 'run-time' | 'fresh-jvm'): boolean {
  return ruleOf(name).fates.includes(fate);
}
