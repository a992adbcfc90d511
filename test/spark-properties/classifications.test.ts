import { describe, expect, it } from 'vitest';
import { propertiesOfClassifications } from '../../src/spark-properties/classifications.ts';

describe('propertiesOfClassifications', () => {
  it('takes spark-defaults as they are, and Hadoop’s files under spark.hadoop.', () => {
    expect(
      propertiesOfClassifications([
        { Name: 'spark-defaults', Properties: { 'spark.sql.ansi.enabled': 'true' } },
        { Name: 'core-site', Properties: { 'fs.s3a.threads.max': '7' } },
        { Name: 'hive-site', Properties: { 'hive.exec.dynamic.partition.mode': 'nonstrict' } },
      ]),
    ).toEqual({
      'spark.sql.ansi.enabled': 'true',
      'spark.hadoop.fs.s3a.threads.max': '7',
      'spark.hadoop.hive.exec.dynamic.partition.mode': 'nonstrict',
    });
  });

  it('lets the last one win, and spark-defaults over all', () => {
    expect(
      propertiesOfClassifications([
        { Name: 'spark-defaults', Properties: { 'spark.hadoop.a': 'first', 'spark.b': 'first' } },
        { Name: 'spark-defaults', Properties: { 'spark.b': 'second' } },
        { Name: 'core-site', Properties: { a: 'third' } },
      ]),
    ).toEqual({ 'spark.hadoop.a': 'first', 'spark.b': 'second' });
  });

  it('lets others be without effect, whatever they are called', () => {
    expect(propertiesOfClassifications([{ Name: 'spark-env', Properties: { A: '1' } }, { Name: '__proto__' }])).toEqual(
      {},
    );
  });
});
