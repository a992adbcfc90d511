import { describe, expect, test } from 'vitest';
import { contextFits, holdsContext, jvmFits, profileOf } from '../../src/drivers/profile.ts';

const standard = profileOf({ 'spark.sql.catalogImplementation': 'hive' }, 'local[2]');

describe('a driver that waits', () => {
  test.each([
    [{}],
    [{ 'spark.sql.shuffle.partitions': '8', 'spark.sql.extensions': 'org.example.X' }],
    [{ 'spark.hadoop.fs.s3a.threads.max': '7', 'spark.app.name': 'x', 'spark.driver.memory': '1g' }],
  ])('gives its context to a session with %j', (properties) => {
    expect(contextFits(standard, profileOf(properties, 'local[2]'))).toBe(true);
  });

  test.each([
    [{ 'spark.serializer': 'org.apache.spark.serializer.KryoSerializer' }, 'local[2]'],
    [{ 'spark.jars': 's3://bucket/a.jar' }, 'local[2]'],
    [{}, 'local[4]'],
  ])('gives its JVM alone to one with %j on %s', (properties, master) => {
    const session = profileOf(properties, master);
    expect([jvmFits(standard, session), contextFits(standard, session)]).toEqual([true, false]);
  });

  test.each([
    [{ 'spark.driver.memory': '2g' }, 'local[2]'],
    [{ 'spark.jars.packages': 'org.apache.hudi:hudi-spark3.5-bundle_2.12:1.0.2' }, 'local[2]'],
    [{}, 'yarn'],
  ])('is of no use to one with %j on %s', (properties, master) => {
    expect(jvmFits(standard, profileOf(properties, master))).toBe(false);
  });

  test('holds no context on a cluster, where that would be an application', () => {
    expect(holdsContext(profileOf({}, 'spark://127.0.0.1:7077'))).toBe(false);
    expect(contextFits(profileOf({}, 'spark://a:1'), profileOf({}, 'spark://a:1'))).toBe(false);
  });
});
