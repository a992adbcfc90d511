import { describe, expect, it } from 'vitest';
import { lowerToBounds } from '../../src/spark-properties/bounds.ts';

const lowered = (name: string, asked: string) =>
  lowerToBounds({ [name]: asked }, { driverMemoryMebibytes: 4096, executors: 5, coresPerExecutor: 4 })[0]?.given;

describe('lowerToBounds', () => {
  it.each([
    ['spark.driver.memory', '4g', undefined],
    ['spark.driver.memory', '4096', undefined],
    ['spark.driver.memory', '4097', '4096m'],
    ['spark.driver.memory', '4194305k', '4096m'],
    ['spark.driver.memory', '1T', '4096m'],
    ['spark.driver.memory', '5gb', '4096m'],
    ['spark.cores.max', '20', undefined],
    ['spark.cores.max', '21', '20'],
    ['spark.executor.cores', '5', '4'],
    ['spark.dynamicAllocation.maxExecutors', '6', '5'],
    ['spark.dynamicAllocation.minExecutors', '5', undefined],
  ])('%s=%s becomes %s', (name, asked, given) => {
    expect(lowered(name, asked)).toBe(given);
  });

  it.each([
    ['spark.driver.memory', 'lots'],
    ['spark.driver.memory', '-1g'],
    ['spark.executor.instances', 'many'],
  ])('leaves %s=%s to Spark, which says what is wrong', (name, asked) => {
    expect(lowered(name, asked)).toBeUndefined();
  });

  it('bounds no executors where the master is local', () => {
    expect(lowerToBounds({ 'spark.executor.instances': '900' }, { driverMemoryMebibytes: 1 })).toEqual([]);
  });
});
