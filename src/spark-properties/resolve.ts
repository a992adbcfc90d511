import { type Bounds, type Lowered, lowerToBounds } from './bounds.ts';
import { forbiddenPaths } from './local-paths.ts';
import { ruleOf } from './rules.ts';

type Properties = Readonly<Record<string, string>>;

/** The outcome of the rules for one session. */
export interface ResolvedProperties {
  /** What the driver gets; every name begins with `spark.`. */
  readonly properties: Properties;
  /** Why the session must fail, naming each restricted property and its rule; undefined when none is set. */
  readonly refusal: string | undefined;
  /** Of which properties the session gets less than was asked for. */
  readonly lowered: readonly Lowered[];
}

/** What a session's properties come from. */
export interface PropertySources {
  /** What the server itself sets, and then the operator's own; to both no rule applies. */
  readonly server: readonly Properties[];
  /** The workgroup's and then the session's, each as Classifications and then as SparkProperties. */
  readonly callers: readonly (Properties | undefined)[];
  readonly bounds: Bounds;
  /** Folders of this machine that properties may name. */
  readonly allowedPaths: readonly string[];
}

/**
 * Server settings < workgroup < session: later maps win. Names that do not begin with `spark.` are ignored, as on AWS.
 * Cluster encryption gets the two settings that Athena adds to it.
 */
export function resolveSparkProperties({ server, callers, bounds, allowedPaths }: PropertySources): ResolvedProperties {
  const asked = withoutIgnored(mergeSparkProperties(callers));
  const lowered = lowerToBounds(asked, bounds);
  const bounded = Object.fromEntries(lowered.map(({ name, given }) => [name, given]));
  const merged = mergeSparkProperties([...server, asked, bounded]);
  const refusals = [...restricted(asked), ...heapOptions(asked), ...forbiddenPaths(asked, allowedPaths)];
  return {
    properties: { ...encryptionAdditions(merged), ...merged },
    refusal: refusals.length === 0 ? undefined : `Restricted Spark properties cannot be set: ${refusals.join('; ')}.`,
    lowered,
  };
}

function restricted(asked: Properties): string[] {
  return Object.keys(asked).flatMap((name) => {
    const rule = ruleOf(name);
    return rule.fates.includes('restricted') ? [`${name} (${rule.why})`] : [];
  });
}

function withoutIgnored(asked: Properties): Properties {
  return Object.fromEntries(Object.entries(asked).filter(([name]) => !ruleOf(name).fates.includes('ignored')));
}

/** Spark's launcher refuses these; the last `-Xmx` on a command line would win over any bound. */
function heapOptions(asked: Properties): string[] {
  return ['spark.driver.defaultJavaOptions', 'spark.driver.extraJavaOptions']
    .filter((name) => /(^|[\s"'])(-Xmx|-XX:Max(Heap|RAM)|-XX:Flags|@)/.test(asked[name] ?? ''))
    .map((name) => `${name} (the heap is set by spark.driver.memory)`);
}

function mergeSparkProperties(layers: readonly (Properties | undefined)[]): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer ?? {})) if (name.startsWith('spark.')) merged[name] = value;
  }
  return merged;
}

function encryptionAdditions(properties: Properties): Record<string, string> {
  if (properties['spark.io.encryption.enabled'] !== 'true') return {};
  return { 'spark.io.encryption.keySizeBits': '256', 'spark.io.encryption.keygen.algorithm': 'HmacSHA384' };
}
