import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterPrefix, checkBucketName, checkKey } from '../../../src/objects/embedded/names.ts';

describe('bucket names', () => {
  test.each([
    ...['abc', 'a-b', 'a.b', '123', 'my-bucket.with.dots', 'a'.repeat(63)],
    'aws-athena-query-results-123456789012-us-east-1',
  ])('%s is one', (name) => {
    expect(() => checkBucketName(name)).not.toThrow();
  });

  test.each([
    ...['', 'ab', 'a'.repeat(64), 'Abc', 'a_b', '-abc', 'abc-', '.abc', 'abc.', 'a..b', 'a.-b', 'a-.b'],
    ...['192.168.5.4', 'xn--abc', 'sthree-abc', 'abc-s3alias', 'abc--ol-s3', 'ünder', 'a b', 'a/b', '..'],
  ])('%j is none', (name) => {
    expect(() => checkBucketName(name)).toThrow(expect.objectContaining({ code: 'InvalidBucketName' }));
  });
});

describe('keys', () => {
  test('have 1 to 1024 bytes of UTF-8, whatever they are', () => {
    for (const key of ['/', '..', 'a//b/', '\0', 'ü'.repeat(512)]) expect(() => checkKey(key)).not.toThrow();
    expect(() => checkKey('')).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
    expect(() => checkKey(`${'ü'.repeat(512)}a`)).toThrow(expect.objectContaining({ code: 'KeyTooLongError' }));
  });

  test('afterPrefix lies behind every key with the prefix and before every greater key without', () => {
    const edges = fc.constantFrom('a', '/', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}');
    const text = fc.array(fc.oneof(edges, fc.string({ unit: 'binary', maxLength: 2 })), { maxLength: 5 });
    const key = text.map((parts) => parts.join(''));
    fc.assert(
      fc.property(key, key, (prefix, other) => {
        const bound = Buffer.from(afterPrefix(prefix));
        expect(Buffer.compare(Buffer.from(prefix + other), bound)).toBeLessThan(0);
        const greater = Buffer.compare(Buffer.from(other), Buffer.from(prefix)) > 0;
        if (greater && !other.startsWith(prefix)) {
          expect(Buffer.compare(Buffer.from(other), bound)).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
