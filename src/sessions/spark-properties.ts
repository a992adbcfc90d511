/** What becomes of a Spark property that a caller, a workgroup or the server's settings give. */
interface RestrictedProperty {
  readonly names: RegExp;
  readonly why: string;
}

/** Published in docs/spark-properties.md. A session that sets one of these is FAILED, with the reason. */
const restricted: readonly RestrictedProperty[] = [
  { names: /^spark\.athena\./, why: 'the prefix spark.athena. is reserved' },
  { names: /^spark\.master$/, why: 'the master is a setting of the server' },
  { names: /^spark\.submit\.deployMode$/, why: 'the driver always runs in the session' },
  { names: /^spark\.app\.id$/, why: 'the application id is the session id' },
  { names: /^spark\.driver\.(host|port|bindAddress)$/, why: 'the address of the driver is set by the server' },
  { names: /^spark\.(blockManager|driver\.blockManager)\.port$/, why: 'ports are chosen by the server' },
  { names: /^spark\.ui\.(port|proxyBase|reverseProxy.*)$/, why: 'the Spark UI is served by the server' },
  { names: /^spark\.pyspark\.(python|driver\.python)$/, why: "Python is the server's locked environment" },
];

/** The outcome of the rules for one session. */
export interface ResolvedProperties {
  /** What the driver gets; every name begins with `spark.`. */
  readonly properties: Readonly<Record<string, string>>;
  /** Why the session must fail, naming each restricted property and its rule; undefined when none is set. */
  readonly refusal: string | undefined;
}

type Properties = Readonly<Record<string, string>>;

/**
 * Server settings < workgroup < session: later maps win. Names that do not begin with `spark.` are ignored, as on AWS.
 * Cluster encryption gets the two settings that Athena adds to it.
 *
 * @param server the operator's, to which no restriction applies
 * @param callers the workgroup's, then the session's
 */
export function resolveSparkProperties(
  server: Properties,
  callers: readonly (Properties | undefined)[],
): ResolvedProperties {
  const asked = mergeSparkProperties(callers);
  const refusals = Object.keys(asked).flatMap((name) => {
    const rule = restricted.find((candidate) => candidate.names.test(name));
    return rule ? [`${name} (${rule.why})`] : [];
  });
  const merged = mergeSparkProperties([server, asked]);
  return {
    properties: { ...encryptionAdditions(merged), ...merged },
    refusal: refusals.length === 0 ? undefined : `Restricted Spark properties cannot be set: ${refusals.join('; ')}.`,
  };
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

/** The table above for the documentation. */
export function restrictedProperties(): readonly { pattern: string; why: string }[] {
  return restricted.map(({ names, why }) => ({ pattern: names.source, why }));
}
