/** Spark properties of the sessions that are measured, each beside raw PySpark with what comes to the same there. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { locateRuntime } from '../src/runtime/runtime.ts';

const encryption = {
  'spark.authenticate': 'true',
  'spark.network.crypto.enabled': 'true',
  'spark.io.encryption.enabled': 'true',
};
const iceberg = 'org.apache.iceberg.spark';
const extension = { 'spark.sql.extensions': `${iceberg}.extensions.IcebergSparkSessionExtensions` };

/** What a SparkContext that runs already takes. */
export const runTimeProperties = {
  'spark.sql.shuffle.partitions': '4',
  'spark.sql.session.timeZone': 'Europe/Athens',
};

/** Encryption and an Iceberg catalog by the values that AWS documents. */
export const encryptedIceberg = {
  ...encryption,
  ...extension,
  'spark.sql.catalog.spark_catalog': `${iceberg}.SparkSessionCatalog`,
  'spark.sql.catalog.spark_catalog.catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
  'spark.sql.catalog.spark_catalog.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
};

/** What only a JVM that starts with it has. */
export const jvmProperties = { 'spark.driver.memory': '2g', 'spark.driver.extraJavaOptions': '-Dbench=1' };

/** The same for raw PySpark: there is no Glue, so that its catalog is a folder; the jars come from this machine. */
export function rawEncryptedIceberg(folder: string, ownJar: string): Record<string, string> {
  const { jars } = locateRuntime();
  const runtime = readdirSync(jars).find((name) => name.startsWith('iceberg-spark-runtime')) as string;
  return {
    ...encryption,
    ...extension,
    'spark.jars': [join(jars, runtime), ownJar].join(','),
    'spark.sql.catalog.local': `${iceberg}.SparkCatalog`,
    'spark.sql.catalog.local.type': 'hadoop',
    'spark.sql.catalog.local.warehouse': folder,
  };
}
