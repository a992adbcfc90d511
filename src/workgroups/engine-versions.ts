import type { EngineVersion } from '@aws-sdk/client-athena';
import { InvalidRequestException } from '../errors.ts';

interface KnownEngineVersion {
  readonly selected: string;
  readonly effective: string;
  /** Whether sessions can be started with it; the others are there for workgroups that scripts made for SQL. */
  readonly spark: boolean;
}

const SPARK_35 = 'Apache Spark version 3.5';

/** Both Spark versions run the same Spark here, and both take calculations. */
const engineVersions: readonly KnownEngineVersion[] = [
  { selected: 'AUTO', effective: 'Athena engine version 3', spark: false },
  { selected: 'Athena engine version 3', effective: 'Athena engine version 3', spark: false },
  { selected: 'PySpark engine version 3', effective: 'PySpark engine version 3', spark: true },
  { selected: SPARK_35, effective: SPARK_35, spark: true },
];

/** What the `primary` workgroup has. */
export const defaultSparkEngineVersion: EngineVersion = {
  SelectedEngineVersion: 'PySpark engine version 3',
  EffectiveEngineVersion: 'PySpark engine version 3',
};

export function listEngineVersions(): EngineVersion[] {
  return engineVersions.map(describe);
}

/**
 * The engine version that a workgroup asks for, its effective version filled in; AUTO where it asks for none.
 * @throws InvalidRequestException for one that does not exist
 */
export function resolveEngineVersion(requested: EngineVersion | undefined): EngineVersion {
  const selected = requested?.SelectedEngineVersion ?? 'AUTO';
  const known = engineVersions.find((version) => version.selected.toLowerCase() === selected.toLowerCase());
  if (known === undefined) {
    const names = engineVersions.map((version) => version.selected).join(', ');
    throw new InvalidRequestException(`Invalid engine version: ${selected}. Supported engine versions: ${names}`);
  }
  return describe(known);
}

export function isSpark(version: EngineVersion | undefined): boolean {
  return engineVersions.some((known) => known.spark && known.effective === version?.EffectiveEngineVersion);
}

function describe(version: KnownEngineVersion): EngineVersion {
  return { SelectedEngineVersion: version.selected, EffectiveEngineVersion: version.effective };
}
