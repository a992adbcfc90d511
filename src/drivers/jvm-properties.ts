/**
 * Properties that only a new JVM can take: its command line, its class path, or what SparkSubmit does before any
 * SparkContext (`spark.jars.packages` is resolved there). All others a warm JVM takes with a new SparkContext.
 * https://spark.apache.org/docs/3.5.7/configuration.html
 */
const FRESH_JVM_PROPERTIES: readonly string[] = [
  'spark.driver.defaultJavaOptions',
  'spark.driver.extraClassPath',
  'spark.driver.extraJavaOptions',
  'spark.driver.extraLibraryPath',
  'spark.driver.memory',
  'spark.driver.userClassPathFirst',
  'spark.jars',
  'spark.jars.excludes',
  'spark.jars.ivy',
  'spark.jars.ivySettings',
  'spark.jars.packages',
  'spark.jars.repositories',
  'spark.submit.pyFiles',
];

/** What a JVM has that was started with nothing said. */
const SPARKS_DEFAULTS: Readonly<Record<string, string>> = { 'spark.driver.memory': '1g' };

/** Cluster managers for which SparkSubmit prepares more than a SparkContext can. */
const SUBMITTED_MASTERS = /^(yarn|k8s:)/;

/** Whether a session with these properties needs a JVM of its own from the start. */
export function needsFreshJvm(sparkProperties: Readonly<Record<string, string>>, sparkMaster: string): boolean {
  if (SUBMITTED_MASTERS.test(sparkMaster)) {
    return true;
  }
  return FRESH_JVM_PROPERTIES.some((name) => {
    const value = sparkProperties[name];
    return value !== undefined && value !== SPARKS_DEFAULTS[name];
  });
}
