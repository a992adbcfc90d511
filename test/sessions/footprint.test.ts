import { expect, it } from 'vitest';
import { sessionMebibytes } from '../../src/sessions/footprint.ts';

it.each<[string, Record<string, string>, number]>([
  ['Spark’s default heap', {}, 1536],
  ['a heap by its unit', { 'spark.driver.memory': '4g' }, 4608],
  ['a heap in mebibytes, where no unit is said', { 'spark.driver.memory': '2000' }, 2512],
  ['a heap that Spark will refuse', { 'spark.driver.memory': 'much' }, 1536],
  [
    'memory off the heap, bytes',
    { 'spark.memory.offHeap.enabled': 'true', 'spark.memory.offHeap.size': '1073741824' },
    2560,
  ],
  [
    'memory off the heap, by its unit',
    { 'spark.memory.offHeap.enabled': 'true', 'spark.memory.offHeap.size': '1g' },
    2560,
  ],
  ['memory off the heap that is not used', { 'spark.memory.offHeap.size': '1g' }, 1536],
])('counts %s', (_, properties, mebibytes) => {
  expect(sessionMebibytes(properties)).toBe(mebibytes);
});
