import { describe, expect, test } from 'vitest';
import { canBePrepared, goesBySubmit, ofContext, ofJvm } from '../../src/spark-properties/start.ts';

describe('ofJvm', () => {
  test.each([
    ['spark.driver.memory', '2g'],
    ['spark.driver.extraJavaOptions', '-Dx=y'],
    ['spark.driver.extraClassPath', '/x.jar'],
    ['spark.driver.userClassPathFirst', 'true'],
    ['spark.jars', 's3://bucket/iceberg-spark-runtime-3.5_2.12-1.9.0.jar'],
    ['spark.jars.packages', 'io.delta:delta-spark_2.12:3.2.0'],
  ])('%s=%s takes a JVM of its own', (name, value) => {
    expect(ofJvm({ [name]: value, 'spark.x': 'y' })).toEqual({ [name]: value });
  });

  test.each([
    ['spark.io.encryption.enabled', 'true'],
    ['spark.sql.extensions', 'org.example.Extensions'],
    ['spark.executor.memory', '2g'],
    ['spark.driver.memory', '1g'],
    ['spark.driver.maxResultSize', '2g'],
    ['spark.jars', 's3://bucket/x.jar'],
    ['spark.jars.packages', 'org.example:x:1'],
  ])('%s=%s does not', (name, value) => {
    expect(ofJvm({ [name]: value })).toEqual({});
  });

  test.each([
    ['yarn', true],
    ['k8s://https://10.0.0.1:6443', true],
    ['spark://10.0.0.1:7077', false],
    ['local[4]', false],
  ])('goesBySubmit(%s) is %s', (master, expected) => {
    expect(goesBySubmit(master)).toBe(expected);
  });
});

describe('canBePrepared', () => {
  test.each([
    ['spark.jars', 's3://bucket/a.jar'],
    ['spark.archives', 's3://bucket/a.zip'],
    ['spark.authenticate.secret', 'x'],
    ['spark.driver.extraJavaOptions', '-Djavax.net.ssl.trustStorePassword=x'],
    ['spark.kerberos.access.hadoopFileSystems', 'x?accesskey=y'],
  ])('is false with %s=%s', (name, value) => {
    expect(canBePrepared({ [name]: value })).toBe(false);
  });

  test('is true of encryption, a serializer and a heap', () => {
    const properties = { 'spark.authenticate': 'true', 'spark.serializer': 'x', 'spark.driver.memory': '2g' };
    expect(canBePrepared(properties)).toBe(true);
  });
});

describe('ofContext', () => {
  test('holds what a SparkContext that runs cannot take', () => {
    const serializer = { 'spark.serializer': 'org.apache.spark.serializer.KryoSerializer' };
    expect(ofContext({ ...serializer, 'spark.sql.extensions': 'x', 'spark.hadoop.fs.s3a.a': 'b' })).toEqual(serializer);
  });
});
