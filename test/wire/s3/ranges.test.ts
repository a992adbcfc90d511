import { describe, expect, test } from 'vitest';
import { rangeOf } from '../../../src/wire/s3/ranges.ts';

describe('rangeOf', () => {
  test.each([
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=2-4', 10, { start: 2, end: 4 }],
    ['bytes=9-', 10, { start: 9, end: 9 }],
    ['bytes=5-99', 10, { start: 5, end: 9 }],
    ['bytes=-1', 10, { start: 9, end: 9 }],
    ['bytes=-99', 10, { start: 0, end: 9 }],
  ])('%s of %i bytes', (header, size, expected) => {
    expect(rangeOf(header, size)).toEqual(expected);
  });

  test.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=4-2', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b'])(
    '%j stands for the whole object',
    (header) => {
      expect(rangeOf(header, 10)).toBeUndefined();
    },
  );

  test.each([
    ['bytes=10-', 10],
    ['bytes=10-20', 10],
    ['bytes=-0', 10],
    ['bytes=0-', 0],
    ['bytes=-5', 0],
  ])('%s of %i bytes cannot be satisfied', (header, size) => {
    expect(() => rangeOf(header, size)).toThrow(expect.objectContaining({ code: 'InvalidRange', status: 416 }));
  });
});
