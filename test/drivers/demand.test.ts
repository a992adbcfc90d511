import { describe, expect, test } from 'vitest';
import { Demand } from '../../src/drivers/demand.ts';
import { profileOf } from '../../src/drivers/profile.ts';

const standard = profileOf({}, 'local[2]');
const encrypted = profileOf({ 'spark.io.encryption.enabled': 'true' }, 'local[2]');
const large = profileOf({ 'spark.driver.memory': '4g' }, 'local[2]');

describe('Demand', () => {
  test('is for the standard session until others have come', () => {
    expect(new Demand(standard).next([])).toEqual(standard);
    expect(new Demand(standard).next([standard])).toEqual(standard);
  });

  test('follows what the last sessions asked for', () => {
    const demand = new Demand(standard);
    demand.note(encrypted);
    expect(demand.next([])).toEqual(encrypted);
    expect(demand.next([encrypted])).toEqual(standard);
    for (let times = 0; times < 3; times += 1) demand.note(standard);
    expect(demand.next([])).toEqual(standard);
    for (let times = 0; times < 20; times += 1) demand.note(encrypted);
    expect(demand.next([encrypted])).toEqual(encrypted);
  });

  test('keeps one JVM without options before any with', () => {
    const demand = new Demand(standard);
    for (let times = 0; times < 5; times += 1) demand.note(large);
    expect(demand.next([])).toEqual(standard);
    expect(demand.next([large])).toEqual(standard);
    expect(demand.next([standard])).toEqual(large);
    expect(demand.next([encrypted])).toEqual(large);
  });

  test('prepares nothing that belongs to one session', () => {
    const demand = new Demand(standard);
    demand.note(profileOf({ 'spark.jars': 's3://bucket/a.jar', 'spark.authenticate': 'true' }, 'local[2]'));
    demand.note(profileOf({ 'spark.driver.extraJavaOptions': '-Dpassword=x' }, 'local[2]'));
    expect(demand.next([])).toEqual(standard);
    expect(demand.next([standard])).toEqual(standard);
  });
});
