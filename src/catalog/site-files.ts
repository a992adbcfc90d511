import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CatalogDatabase } from './database.ts';

const S3A = 'org.apache.hadoop.fs.s3a';

/** How the metastore reaches the folders of tables. */
export interface CatalogS3 {
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface MetastoreSettings {
  readonly port: number;
  readonly database: CatalogDatabase;
  /** Where the database `default` lies when it is first made, `s3://bucket/prefix/`. */
  readonly warehouse: string;
  readonly s3: CatalogS3;
  /** For what Hadoop keeps on disk for a moment. */
  readonly temporaryFolder: string;
}

/** Writes `hive-site.xml` and `core-site.xml`, readable by the server's user alone: passwords and keys lie nowhere else. */
export function writeSiteFiles(folder: string, settings: MetastoreSettings): void {
  writePrivately(join(folder, 'hive-site.xml'), siteXml(hiveSite(settings)));
  writePrivately(join(folder, 'core-site.xml'), siteXml(coreSite(settings)));
}

/** Names are Hive 2.3's: https://cwiki.apache.org/confluence/display/Hive/Configuration+Properties */
function hiveSite({ port, database, warehouse }: MetastoreSettings): Record<string, string> {
  return {
    'hive.metastore.port': String(port),
    'hive.metastore.warehouse.dir': warehouse,
    'javax.jdo.option.ConnectionURL': database.url,
    'javax.jdo.option.ConnectionDriverName': database.driver,
    'javax.jdo.option.ConnectionUserName': database.user,
    'javax.jdo.option.ConnectionPassword': database.password,
    // BoneCP, the default, hands out connections that PostgreSQL has closed meanwhile.
    'datanucleus.connectionPoolingType': 'HikariCP',
    'datanucleus.schema.autoCreateAll': 'true',
    // No script has written a version there; the tables are made from this very version's model.
    'hive.metastore.schema.verification': 'false',
    // One user, hence one S3 client a bucket: with a user for each connection each one would make its own.
    'hive.metastore.execute.setugi': 'false',
    'hive.metastore.server.min.threads': '4',
    // Seconds. A session that was killed in a commit holds up the table for so long; those that live say so more often
    // (spark/parthenon_driver/table_formats.py).
    'hive.txn.timeout': '60',
    // Asynchronous logging needs the library disruptor, which Spark does not ship.
    'hive.async.log.enabled': 'false',
  };
}

function coreSite({ s3, temporaryFolder }: MetastoreSettings): Record<string, string> {
  return {
    'hadoop.tmp.dir': temporaryFolder,
    'fs.s3.impl': `${S3A}.S3AFileSystem`,
    'fs.s3a.endpoint': s3.endpoint,
    'fs.s3a.endpoint.region': s3.region,
    'fs.s3a.path.style.access': String(s3.pathStyle),
    'fs.s3a.connection.ssl.enabled': String(!s3.endpoint.startsWith('http:')),
    'fs.s3a.aws.credentials.provider': `${S3A}.SimpleAWSCredentialsProvider`,
    'fs.s3a.access.key': s3.credentials.accessKeyId,
    'fs.s3a.secret.key': s3.credentials.secretAccessKey,
  };
}

function siteXml(properties: Readonly<Record<string, string>>): string {
  const entries = Object.entries(properties).map(
    ([name, value]) => `  <property><name>${escapeXml(name)}</name><value>${escapeXml(value)}</value></property>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n${entries.join('\n')}\n</configuration>\n`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function writePrivately(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}
