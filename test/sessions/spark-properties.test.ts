import { describe, expect, it } from 'vitest';
import { resolveSparkProperties } from '../../src/sessions/spark-properties.ts';

describe('resolveSparkProperties', () => {
  it('lets the session win over the workgroup, and that over the server', () => {
    const server = { 'spark.a': 'server', 'spark.b': 'server', 'spark.c': 'server' };
    const { properties } = resolveSparkProperties(server, [
      { 'spark.b': 'workgroup', 'spark.c': 'workgroup' },
      { 'spark.c': 'session' },
    ]);
    expect(properties).toEqual({ 'spark.a': 'server', 'spark.b': 'workgroup', 'spark.c': 'session' });
  });

  it('ignores names that do not begin with spark.', () => {
    const { properties, refusal } = resolveSparkProperties({}, [
      { 'hive.exec': '1', spark: 'x', 'sparkle.a': '2', 'spark.x': '3' },
    ]);
    expect(properties).toEqual({ 'spark.x': '3' });
    expect(refusal).toBeUndefined();
  });

  it('names every restricted property and its rule', () => {
    const { refusal } = resolveSparkProperties({}, [{ 'spark.master': 'local[99]' }, { 'spark.athena.x': '1' }]);
    expect(refusal).toContain('spark.master (the master is a setting of the server)');
    expect(refusal).toContain('spark.athena.x (the prefix spark.athena. is reserved)');
  });

  it('restricts callers, not the operator', () => {
    expect(resolveSparkProperties({ 'spark.driver.bindAddress': '10.0.0.1' }, []).refusal).toBeUndefined();
  });

  it('adds to encryption what Athena adds, unless the caller says otherwise', () => {
    const on = { 'spark.io.encryption.enabled': 'true' };
    expect(resolveSparkProperties({}, [on]).properties).toMatchObject({
      'spark.io.encryption.keySizeBits': '256',
      'spark.io.encryption.keygen.algorithm': 'HmacSHA384',
    });
    const own = resolveSparkProperties({}, [{ ...on, 'spark.io.encryption.keySizeBits': '128' }]).properties;
    expect(own['spark.io.encryption.keySizeBits']).toBe('128');
    expect(resolveSparkProperties({}, [{}]).properties).toEqual({});
  });
});
