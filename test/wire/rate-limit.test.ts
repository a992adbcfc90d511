import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLimit } from '../../src/wire/rate-limit.ts';

test('in no span of time are more requests let through than the rate and one burst make', () => {
  const pauses = fc.array(fc.double({ min: 0, max: 3000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), pauses, (perSecond, millis) => {
      let now = 0;
      const limit = new RateLimit(perSecond, () => now);
      const allowed: number[] = [];
      for (const pause of millis) {
        now += pause;
        if (limit.allows('key')) allowed.push(now);
      }
      for (const [index, from] of allowed.entries()) {
        const most = perSecond * 2 + ((now - from) / 1000) * perSecond;
        expect(allowed.length - index).toBeLessThanOrEqual(Math.floor(most + 1e-6) + 1);
      }
    }),
  );
});

test('a key that keeps to its rate is never refused', () => {
  let now = 0;
  const limit = new RateLimit(10, () => now);
  for (let request = 0; request < 1000; request += 1, now += 100) expect(limit.allows('key')).toBe(true);
});

test('keys do not share', () => {
  const limit = new RateLimit(1, () => 0);
  expect(['a', 'a', 'a', 'b'].map((key) => limit.allows(key))).toEqual([true, true, false, true]);
});

test('0 is no bound', () => {
  const limit = new RateLimit(0, () => 0);
  for (let request = 0; request < 10_000; request += 1) expect(limit.allows('key')).toBe(true);
});

test('keys without end are not all remembered', () => {
  const limit = new RateLimit(1, () => 0);
  for (const key of ['first', 'first', 'last', 'last']) limit.allows(key);
  for (let key = 0; key < 9_999; key += 1) limit.allows(`key ${key}`);
  expect([limit.allows('last'), limit.allows('first')]).toEqual([false, true]);
});
