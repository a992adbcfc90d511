/** The schema of the settings: what each may be, and what it is when nobody says. */
import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { memoryForSessions, memoryLimitMebibytes } from './machine-memory.ts';

const wholeNumber = (minimum: number, maximum: number) => {
  const error = `must be a whole number from ${minimum} to ${maximum}`;
  return z.preprocess(parseDigits, z.number({ error }).int({ error }).min(minimum, { error }).max(maximum, { error }));
};
const yesOrNo = z.preprocess(parseYesOrNo, z.boolean({ error: 'must be true or false' }));
const list = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
]);
/** Spark properties as an object in the settings file, as JSON text in environment and flags. */
const properties = z.preprocess(
  parseJson,
  z.record(z.string(), z.string(), 'must be a JSON object of strings, e.g. {"spark.sql.shuffle.partitions":"8"}'),
);

/** By name; what a setting is for is its description. */
export const settings = {
  home: z
    .string()
    .default(join(homedir(), '.parthenon'))
    .transform(resolveHome)
    .describe('folder that holds all state'),
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: wholeNumber(0, 65535).default(8730).describe('the one HTTP port; 0 takes a free one'),
  tlsCertificate: z
    .string()
    .optional()
    .describe(
      'file with the certificate to serve over TLS, PEM, intermediate certificates after it; read again when it changes',
    ),
  tlsKey: z
    .string()
    .optional()
    .describe('file with the private key of tlsCertificate, PEM; read again when it changes'),
  allowPlaintext: yesOrNo
    .default(false)
    .describe('listen beyond the loopback interface without TLS, where something else keeps the network private'),
  audit: z.string().min(1).default('off').describe('where each API call leaves a line of JSON: off, stdout or a file'),
  metrics: yesOrNo.default(true).describe('serve metrics for Prometheus at /metrics, to who has the token'),
  metricsToken: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must be at least 16 printable ASCII characters without spaces')
    .optional()
    .describe('bearer token that reads /metrics; made at first start, in metrics-token under home, unless given'),
  traces: z
    .string()
    .regex(/^(off|otlp|https?:\/\/\S+)$/, 'must be off, otlp or the URL of a collector, e.g. http://127.0.0.1:4318')
    .default('off')
    .describe(
      'where OpenTelemetry traces go: off, the URL of an OTLP/HTTP collector, or otlp: as OTEL_EXPORTER_OTLP_ENDPOINT says',
    ),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'must be lower-case letters, digits and hyphens')
    .default('us-east-1')
    .describe('AWS region that clients sign for'),
  accountId: z
    .string()
    .regex(/^\d{12}$/, 'must be 12 digits')
    .default('123456789012')
    .describe('AWS account id in ARNs'),
  accessKeyId: z
    .string()
    .regex(/^\w{16,128}$/, 'must be 16 to 128 letters, digits or underscores')
    .optional()
    .describe("the administrator's access key id; made at first start unless given"),
  secretAccessKey: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must be at least 16 printable ASCII characters without spaces')
    .optional()
    .describe("the administrator's secret access key; made at first start unless given"),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least severe log line that is written'),
  databaseUrl: z
    .string()
    .regex(
      /^(sqlite:.+|postgres(ql)?:\/\/[^/@]+@[^/@]+\/[^/?]+.*)$/,
      'must be sqlite:<file> or postgresql://user:password@host/database',
    )
    .optional()
    .describe(
      'state store, sqlite:<file> or postgresql://user:password@host/database (by environment or settings file); default state.db under home',
    ),
  resultsLocation: z
    .string()
    .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/, 'must be s3://bucket/prefix')
    .optional()
    .describe(
      'where workgroups without a location of their own keep results; default s3://aws-athena-query-results-<account>-<region>/',
    ),
  s3Endpoint: z.url().optional().describe('your own S3 instead of the embedded store, e.g. http://minio:9000'),
  s3Region: z.string().optional().describe('region of your own S3; default: region'),
  s3AccessKeyId: z.string().optional().describe('access key id for your own S3'),
  s3SecretAccessKey: z.string().optional().describe('secret access key for your own S3'),
  s3StsEndpoint: z
    .url()
    .optional()
    .describe(
      'STS of your own S3: each session then has keys of its execution role, in place of the key of the server',
    ),
  s3DefaultRole: z
    .string()
    .regex(/^arn:\S+:role\/\S+$/, 'must be the ARN of a role')
    .optional()
    .describe('with s3StsEndpoint: ARN of the role of sessions that name none'),
  s3PathStyle: yesOrNo.default(true).describe('address buckets of your own S3 by path'),
  virtualHosts: list.default(['localhost']).describe('host names under which <bucket>.<host> addresses a bucket'),
  sparkMaster: z
    .string()
    .regex(/^(local|spark:\/\/.+|yarn|k8s:\/\/.+)$/, 'must be local, spark://…, yarn or k8s://…')
    .default('local')
    .describe('where executors run; local bounds cores by MaxConcurrentDpus'),
  sparkProperties: properties.default({}).describe('Spark properties that every session begins with'),
  allowedPaths: list
    .default([])
    .describe(
      'folders of this machine below which spark.jars, spark.files and the like may name local paths; a list with commas',
    ),
  sandbox: z
    .enum(['auto', 'required', 'off'])
    .default('auto')
    .describe(
      'whether bubblewrap keeps the code of sessions from each other and from the server: auto where it can, required (no start without), off',
    ),
  catalog: yesOrNo
    .default(true)
    .describe("a table catalog that all sessions share; off: Spark's own, in the memory of each session"),
  catalogUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\/[^/@]+@[^/@]+\/[^/?]+/, 'must be postgresql://user:password@host/database')
    .optional()
    .describe(
      'database of the catalog, postgresql://user:password@host/database; default Derby, under home. By environment or settings file: a command line is seen by all users of the machine',
    ),
  coresPerDpu: wholeNumber(1, 64).default(4).describe('Spark cores that one DPU stands for'),
  cores: wholeNumber(1, 1024)
    .default(availableParallelism())
    .describe('cores of this machine that one session may use'),
  poolSize: wholeNumber(0, 64).default(1).describe('warm drivers that wait for a session'),
  maxSessions: wholeNumber(1, 10_000)
    .optional()
    .describe('sessions that may be active at once; default: as many as sessionMemory holds'),
  maxSessionsPerUser: wholeNumber(1, 10_000)
    .optional()
    .describe(
      'sessions that one user, or the sessions of one role, may have active at once; default: no bound of its own',
    ),
  maxDpus: wholeNumber(2, 1_000_000)
    .optional()
    .describe('DPUs that active sessions may have together; default: no bound'),
  maxDpusPerSession: wholeNumber(2, 5000).default(5000).describe('largest MaxConcurrentDpus of a session'),
  maxCalculations: wholeNumber(1, 10_000)
    .optional()
    .describe('calculations that may be under way at once, in all sessions; default: one in each session'),
  sessionMemory: wholeNumber(1024, 100_000_000)
    .default(memoryForSessions(memoryLimitMebibytes()))
    .describe(
      "memory that sessions may take together, and drivers that wait, MiB; default: nine tenths of the machine's or the control group's, less 800 MiB",
    ),
  minFreeMemory: wholeNumber(0, 1_000_000)
    .default(256)
    .describe('memory that has to be left for others when one more driver has started, MiB; 0: nobody looks'),
  requestRate: wholeNumber(0, 1_000_000)
    .default(10_000)
    .describe('Athena calls that one key may make a second, twice that in a moment; 0: any number'),
  s3RequestRate: wholeNumber(0, 1_000_000)
    .default(0)
    .describe('requests to the embedded S3 that one key may make a second, twice that in a moment; 0: any number'),
  maxMemoryPerSession: wholeNumber(256, 100_000_000)
    .optional()
    .describe('memory that the processes of one session may take, MiB; default: all of sessionMemory'),
  maxProcessesPerSession: wholeNumber(256, 4_000_000)
    .default(8192)
    .describe('processes and threads that one session may have'),
  maxDiskPerSession: wholeNumber(64, 1_000_000_000)
    .optional()
    .describe('disk that the folder of one session may take, MiB; default: half of the disk that holds home'),
  sessionKeySeconds: wholeNumber(10, 43_200)
    .default(3600)
    .describe("how long a session's keys to S3 are good; they are renewed at half of that while it lives"),
  sessionStartSeconds: wholeNumber(5, 3600).default(180).describe('how long a session may take to start'),
  eventLogs: yesOrNo
    .default(true)
    .describe(
      "whether each session leaves Spark's event log at its results' location, from which its Spark UI is shown after its end",
    ),
  logSeconds: wholeNumber(1, 3600)
    .default(30)
    .describe('how often logs of sessions that run go to where MonitoringConfiguration says, seconds'),
  connectEndpoint: z
    .string()
    .regex(
      /^https?:\/\/[a-z0-9*.:[\]-]+\/?$/i,
      'must be https://host or https://host:port, with * for the id of the session',
    )
    .optional()
    .describe(
      "EndpointUrl of sessions' Spark Connect, where clients reach this server by another address than it listens at, e.g. https://spark.example.com; a * stands for the session's id",
    ),
  connectTokenMinutes: wholeNumber(1, 1440)
    .default(30)
    .describe("how long a token of GetSessionEndpoint opens a session's Spark Connect"),
  dashboardEndpoint: z
    .string()
    .regex(/^https?:\/\/[a-z0-9.:[\]-]+\/?$/i, 'must be https://host or https://host:port')
    .optional()
    .describe(
      "what URLs of sessions' Spark UIs begin with, where browsers reach this server by another address than it listens at, e.g. https://athena.example.com",
    ),
  dashboardTokenMinutes: wholeNumber(1, 10_080)
    .default(60)
    .describe("how long a URL of GetResourceDashboard shows a session's Spark UI"),
  historyIdleMinutes: wholeNumber(1, 1440)
    .default(10)
    .describe("how long Spark's History Server, which shows ended sessions, goes on when nobody looks"),
  historyMemory: wholeNumber(128, 1_000_000)
    .default(512)
    .describe("heap of Spark's History Server, MiB; what it shows lies on disk"),
  interruptGraceSeconds: wholeNumber(1, 3600)
    .default(30)
    .describe('how long code may resist StopCalculationExecution before its driver is ended'),
  statusWaitMillis: wholeNumber(0, 20_000)
    .default(1000)
    .describe(
      'how long status calls wait for a change that is near, so that clients that poll slowly learn of it at once, milliseconds; 0: never',
    ),
  stopSeconds: wholeNumber(1, 600).default(20).describe('how long an orderly stop waits for calls and drivers'),
  retentionDays: wholeNumber(1, 3650)
    .default(45)
    .describe('days that ended sessions and their calculations stay listed'),
  maxBodyBytes: wholeNumber(1024 * 1024, 1024 ** 3)
    .default(12 * 1024 * 1024)
    .describe('largest Athena request body, bytes'),
  maxConnections: wholeNumber(16, 1_000_000).default(4096).describe('TCP connections held at once'),
};

/** Environment and flags are text; `null` and `true` in a settings file are no numbers. */
function parseDigits(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

function parseYesOrNo(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  return /^(false|0|no|off)$/i.test(value) ? false : value;
}

/** Text that is no JSON stays as it is, for the schema to refuse. */
function parseJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** An absolute path; `~` is the user's home. */
export function resolveHome(path: string): string {
  return resolve(path.replace(/^~(?=$|\/)/, homedir()));
}
