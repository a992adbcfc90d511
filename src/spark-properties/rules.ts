/**
 * What becomes of each Spark property: the one table that StartSession, the drivers and docs/spark-properties.md read.
 * Names and defaults: https://spark.apache.org/docs/3.5.7/configuration.html
 */

/**
 * - `restricted`: a caller who sets it gets a FAILED session; the operator's own properties may set it.
 * - `ignored`: what the server sets stays.
 * - `local-path`: paths of this machine only below the folders that the operator allows; other schemes go anywhere.
 * - `bounded`: taken up to what the session's DPUs, or the server, allow; more is lowered to that.
 * - `fresh-jvm`: only a JVM that starts with it has it, so the session does not come from a warm driver.
 * - `run-time`: a SparkContext that runs already takes it.
 * - `new-context`: a warm JVM takes it with a new SparkContext. What no other rule names.
 */
export type Fate = 'restricted' | 'ignored' | 'local-path' | 'bounded' | 'fresh-jvm' | 'run-time' | 'new-context';

export interface Rule {
  /** Spark's names; `*` at the end stands for any rest. */
  readonly names: readonly string[];
  /** All that hold; `bounded` and `local-path` say nothing of when it is taken. */
  readonly fates: readonly Fate[];
  /** For people: a clause that says why, or how far. */
  readonly why: string;
}

/** The first rule whose names match counts. */
export const rules: readonly Rule[] = [
  { names: ['spark.athena.*'], fates: ['restricted'], why: 'the prefix spark.athena. is reserved' },
  { names: ['spark.master'], fates: ['restricted'], why: 'the master is a setting of the server' },
  { names: ['spark.submit.deployMode'], fates: ['restricted'], why: 'the driver always runs in the session' },
  { names: ['spark.app.id'], fates: ['restricted'], why: 'the application id is the session id' },
  {
    names: ['spark.driver.host', 'spark.driver.port', 'spark.driver.bindAddress'],
    fates: ['restricted'],
    why: 'the address of the driver is set by the server',
  },
  {
    names: ['spark.blockManager.port', 'spark.driver.blockManager.port'],
    fates: ['restricted'],
    why: 'ports are chosen by the server',
  },
  {
    names: ['spark.ui.port', 'spark.ui.proxyBase', 'spark.ui.reverseProxy*'],
    fates: ['restricted'],
    why: 'the Spark UI is served by the server',
  },
  { names: ['spark.ui.enabled'], fates: ['ignored'], why: 'whether there is a Spark UI is for the server to say' },
  {
    names: ['spark.connect.grpc.binding.port'],
    fates: ['ignored'],
    why: 'Spark Connect is reached through the server alone',
  },
  {
    names: ['spark.plugins'],
    fates: ['new-context'],
    why: "Spark Connect's own plugin is left out: every session has Spark Connect",
  },
  {
    names: ['spark.pyspark.python', 'spark.pyspark.driver.python'],
    fates: ['restricted'],
    why: "Python is the server's locked environment",
  },
  {
    names: ['spark.jars.ivy'],
    fates: ['restricted'],
    why: 'where packages are kept is for the server to say',
  },
  {
    names: ['spark.executor.extraClassPath'],
    fates: ['restricted'],
    why: "the class path of a cluster's machines is the operator's to say",
  },
  {
    names: ['spark.local.dir'],
    fates: ['restricted'],
    why: "scratch files lie in the session's own folder and go with it",
  },
  {
    names: ['spark.eventLog.*'],
    fates: ['new-context'],
    why: 'a log of your own where you say, beside the one that every session has; how that one is written stays',
  },
  {
    names: ['spark.jars.packages', 'spark.jars.repositories', 'spark.jars.excludes'],
    fates: ['new-context'],
    why: "resolved by Spark's own Ivy before the SparkContext is made",
  },
  {
    names: ['spark.jars', 'spark.submit.pyFiles', 'spark.files', 'spark.archives', 'spark.jars.ivySettings'],
    fates: ['local-path', 'new-context'],
    why: 's3, s3a, http and https from anywhere; a jar of Iceberg, Delta or Hudi takes the place of the one that is there, in a fresh JVM',
  },
  {
    names: ['spark.driver.extraClassPath', 'spark.driver.extraLibraryPath'],
    fates: ['local-path', 'fresh-jvm'],
    why: "the JVM's own search paths",
  },
  {
    names: ['spark.driver.memory'],
    fates: ['bounded', 'fresh-jvm'],
    why: "the JVM's largest heap; at most 16 GiB for each of the coordinator's DPUs, and four fifths of the machine's memory",
  },
  {
    names: ['spark.driver.defaultJavaOptions', 'spark.driver.extraJavaOptions'],
    fates: ['fresh-jvm'],
    why: "the JVM's command line; -Xmx in it is refused, as Spark does: the heap is spark.driver.memory's",
  },
  {
    names: ['spark.driver.userClassPathFirst'],
    fates: ['fresh-jvm'],
    why: 'decides how classes are loaded from the first one on',
  },
  {
    names: ['spark.dynamicAllocation.maxExecutors', 'spark.executor.instances'],
    fates: ['bounded', 'new-context'],
    why: 'on a cluster: as many executors as MaxConcurrentDpus has room for beside the coordinator',
  },
  {
    names: ['spark.dynamicAllocation.initialExecutors', 'spark.dynamicAllocation.minExecutors'],
    fates: ['bounded', 'new-context'],
    why: 'on a cluster: as many executors as MaxConcurrentDpus has room for beside the coordinator',
  },
  {
    names: ['spark.executor.cores'],
    fates: ['bounded', 'new-context'],
    why: "on a cluster: the cores of DefaultExecutorDpuSize's DPUs",
  },
  {
    names: ['spark.cores.max'],
    fates: ['bounded', 'new-context'],
    why: 'on a standalone cluster: the cores of all executors that MaxConcurrentDpus has room for',
  },
  { names: ['spark.app.name'], fates: ['run-time'], why: 'a name for people' },
  {
    names: ['spark.sql.*'],
    fates: ['run-time'],
    why: "the session's own SparkSession is made with it: catalogs, extensions and the warehouse too",
  },
  {
    names: ['spark.hadoop.*'],
    fates: ['run-time'],
    why: 'file systems and metastore clients are made when they are first used',
  },
];

const otherwise: Rule = {
  names: ['spark.*'],
  fates: ['new-context'],
  why: 'everything else that Spark has, and what libraries read from its configuration',
};

/** The rule for one property whose name begins with `spark.`. */
export function ruleOf(name: string): Rule {
  return rules.find((rule) => rule.names.some((pattern) => matches(pattern, name))) ?? otherwise;
}

/** All rules, the one for everything else last. */
export const allRules: readonly Rule[] = [...rules, otherwise];

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
