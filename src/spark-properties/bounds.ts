/** Properties of which a session gets no more than its DPUs, or the server, allow. */
import { ruleOf } from './rules.ts';

/** The most that a session may have. What is undefined has no bound: a local master takes no executors at all. */
export interface Bounds {
  readonly driverMemoryMebibytes: number;
  readonly executors?: number | undefined;
  readonly coresPerExecutor?: number | undefined;
}

/** A property of which its caller got less than was asked for. */
export interface Lowered {
  readonly name: string;
  readonly asked: string;
  readonly given: string;
  readonly why: string;
}

type Properties = Readonly<Record<string, string>>;

const EXECUTOR_COUNTS = [
  'spark.dynamicAllocation.maxExecutors',
  'spark.dynamicAllocation.initialExecutors',
  'spark.dynamicAllocation.minExecutors',
  'spark.executor.instances',
];

/** What Spark takes as a memory size: a whole number and a unit, `m` where none is said. `JavaUtils.byteStringAsMb` */
const MEMORY = /^\s*(\d{1,15})\s*([kmgtp]?)b?\s*$/i;
const MEBIBYTES = { k: 1 / 1024, '': 1, m: 1, g: 1024, t: 1024 ** 2, p: 1024 ** 3 };

/** @returns what was lowered. A value that is no number is left to Spark, which says what is wrong with it. */
export function lowerToBounds(properties: Properties, bounds: Bounds): Lowered[] {
  const { executors, coresPerExecutor, driverMemoryMebibytes } = bounds;
  const cores = executors !== undefined && coresPerExecutor !== undefined ? executors * coresPerExecutor : undefined;
  return [
    ...EXECUTOR_COUNTS.map((name) => lowerCount(properties, name, executors)),
    lowerCount(properties, 'spark.executor.cores', coresPerExecutor),
    lowerCount(properties, 'spark.cores.max', cores),
    lowerMemory(properties, 'spark.driver.memory', driverMemoryMebibytes),
  ].filter((each) => each !== undefined);
}

function lowerCount(properties: Properties, name: string, most: number | undefined): Lowered | undefined {
  const asked = properties[name];
  if (asked === undefined || most === undefined || !/^\d+$/.test(asked) || Number(asked) <= most) return undefined;
  return { name, asked, given: String(most), why: ruleOf(name).why };
}

function lowerMemory(properties: Properties, name: string, mebibytes: number): Lowered | undefined {
  const asked = properties[name];
  const size = mebibytesOf(asked);
  if (asked === undefined || size === undefined || size <= mebibytes) return undefined;
  return { name, asked, given: `${Math.floor(mebibytes)}m`, why: ruleOf(name).why };
}

/** A memory size of Spark in mebibytes; undefined for what is none. */
export function mebibytesOf(size: string | undefined): number | undefined {
  const [, amount, unit] = MEMORY.exec(size ?? '') ?? [];
  if (amount === undefined) return undefined;
  return Number(amount) * MEBIBYTES[(unit?.toLowerCase() ?? '') as keyof typeof MEBIBYTES];
}
