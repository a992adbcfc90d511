import { expect, test } from 'vitest';
import { sameText } from '../../src/wire/same-text.ts';

test('texts are the same by all of their bytes', () => {
  expect(sameText('', '')).toBe(true);
  expect(sameText('5f0e', '5f0e')).toBe(true);
  expect(sameText('5f0e', '5f0f')).toBe(false);
  expect(sameText('5f0e', '5f0e0')).toBe(false);
  expect(sameText('5f0e', '')).toBe(false);
});

test('as many characters and more bytes is another text, and no fault', () => {
  expect(sameText('abc', 'ab\u{20ac}')).toBe(false);
});
