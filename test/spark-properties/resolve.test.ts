import { describe, expect, it } from 'vitest';
import { type PropertySources, resolveSparkProperties } from '../../src/spark-properties/resolve.ts';

const resolved = (sources: Partial<PropertySources>) =>
  resolveSparkProperties({
    server: [],
    callers: [],
    bounds: { driverMemoryMebibytes: 16 * 1024 },
    allowedPaths: [],
    ...sources,
  });

describe('resolveSparkProperties', () => {
  it('lets the session win over the workgroup, and that over the server', () => {
    const { properties } = resolved({
      server: [{ 'spark.a': 'server', 'spark.b': 'server', 'spark.c': 'server' }],
      callers: [{ 'spark.b': 'workgroup', 'spark.c': 'workgroup' }, { 'spark.c': 'session' }],
    });
    expect(properties).toEqual({ 'spark.a': 'server', 'spark.b': 'workgroup', 'spark.c': 'session' });
  });

  it('ignores names that do not begin with spark., and what only the server says', () => {
    const { properties, refusal } = resolved({
      server: [{ 'spark.ui.enabled': 'false' }],
      callers: [{ 'hive.exec': '1', spark: 'x', 'sparkle.a': '2', 'spark.x': '3', 'spark.ui.enabled': 'true' }],
    });
    expect(properties).toEqual({ 'spark.ui.enabled': 'false', 'spark.x': '3' });
    expect(refusal).toBeUndefined();
  });

  it('names every restricted property and its rule', () => {
    const { refusal } = resolved({ callers: [{ 'spark.master': 'local[99]' }, { 'spark.athena.x': '1' }] });
    expect(refusal).toContain('spark.master (the master is a setting of the server)');
    expect(refusal).toContain('spark.athena.x (the prefix spark.athena. is reserved)');
  });

  it.each([
    ['spark.driver.extraJavaOptions', '-Xmx64g'],
    ['spark.driver.extraJavaOptions', '-Da=b "-XX:MaxRAMPercentage=90"'],
    ['spark.driver.defaultJavaOptions', '@/etc/options'],
  ])('refuses a heap by %s=%s, which would pass the bound', (name, value) => {
    expect(resolved({ callers: [{ [name]: value }] }).refusal).toContain('the heap is set by spark.driver.memory');
  });

  // The values that AWS documents, and that dbt and AWS SDK for pandas send.
  it.each([
    {
      'spark.sql.catalog.spark_catalog': 'org.apache.iceberg.spark.SparkSessionCatalog',
      'spark.sql.catalog.spark_catalog.catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
      'spark.sql.catalog.spark_catalog.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
      'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
    },
    {
      'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.hudi.catalog.HoodieCatalog',
      'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
      'spark.sql.extensions': 'org.apache.spark.sql.hudi.HoodieSparkSessionExtension',
    },
    {
      'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
      'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
    },
    { 'spark.authenticate': 'true', 'spark.network.crypto.enabled': 'true' },
    { 'spark.hadoop.fs.s3.useRequesterPaysHeader': 'true' },
    {
      'spark.hadoop.aws.glue.catalog.separator': '/',
      'spark.hadoop.hive.metastore.glue.catalogid': '123456789012:name',
    },
  ] as Record<string, string>[])('takes what AWS documents to the letter: %j', (asked) => {
    expect(resolved({ callers: [asked] })).toMatchObject({ properties: asked, refusal: undefined, lowered: [] });
  });

  it('restricts callers, not the operator', () => {
    const server = [{ 'spark.driver.bindAddress': '10.0.0.1', 'spark.jars': '/opt/jars/a.jar' }];
    expect(resolved({ server }).refusal).toBeUndefined();
  });

  it('gives what is bounded up to its bound, and tells what it lowered', () => {
    const { properties, lowered, refusal } = resolved({
      callers: [{ 'spark.driver.memory': '64g', 'spark.executor.instances': '900' }],
      bounds: { driverMemoryMebibytes: 2048, executors: 3, coresPerExecutor: 4 },
    });
    expect(properties).toEqual({ 'spark.driver.memory': '2048m', 'spark.executor.instances': '3' });
    expect(lowered.map(({ name, asked, given }) => [name, asked, given])).toEqual([
      ['spark.executor.instances', '900', '3'],
      ['spark.driver.memory', '64g', '2048m'],
    ]);
    expect(refusal).toBeUndefined();
  });

  it('adds to encryption what Athena adds, unless the caller says otherwise', () => {
    const on = { 'spark.io.encryption.enabled': 'true' };
    expect(resolved({ callers: [on] }).properties).toMatchObject({
      'spark.io.encryption.keySizeBits': '256',
      'spark.io.encryption.keygen.algorithm': 'HmacSHA384',
    });
    const own = resolved({ callers: [{ ...on, 'spark.io.encryption.keySizeBits': '128' }] }).properties;
    expect(own['spark.io.encryption.keySizeBits']).toBe('128');
    expect(resolved({ callers: [{}] }).properties).toEqual({});
  });
});
