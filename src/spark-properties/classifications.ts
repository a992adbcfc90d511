import type { Classification } from '@aws-sdk/client-athena';

/** How each classification's names become Spark properties: by this prefix. Those of a cluster's daemons mean nothing to a session. */
export const classificationPrefixes: Readonly<Record<string, string>> = {
  'spark-defaults': '',
  'core-site': 'spark.hadoop.',
  'hdfs-site': 'spark.hadoop.',
  'emrfs-site': 'spark.hadoop.',
  'hive-site': 'spark.hadoop.',
  'spark-hive-site': 'spark.hadoop.',
};

/** The Spark properties that classifications come to. Later ones win; `spark-defaults` wins over all files of Hadoop. */
export function propertiesOfClassifications(classifications: readonly Classification[] = []): Record<string, string> {
  const known = classifications.filter(({ Name }) => Object.hasOwn(classificationPrefixes, Name ?? ''));
  const defaultsLast = known.toSorted((left, right) => rank(left) - rank(right));
  return Object.fromEntries(
    defaultsLast.flatMap(({ Name, Properties }) =>
      Object.entries(Properties ?? {}).map(([name, value]) => [`${classificationPrefixes[Name ?? '']}${name}`, value]),
    ),
  );
}

function rank({ Name }: Classification): number {
  return Name === 'spark-defaults' ? 1 : 0;
}
