import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches, matchesArn } from '../../../src/access/policies/pattern.ts';
import { parseTemplate } from '../../../src/access/policies/template.ts';

const patternOf = (text: string) =>
  parseTemplate(text, { wildcards: true, variables: false }).resolve(() => undefined) ?? [];

/** The same in Node's own words: `*` any run, `?` any one character, the rest as it is. */
function reference(pattern: string): RegExp {
  const source = Array.from(pattern, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
  return new RegExp(`^${source.join('')}$`, 'su');
}

/** Few letters, so that patterns and texts meet; some that are two units of UTF-16, and all that a regular expression would read. */
const letters = fc.constantFrom('a', 'b', ':', '/', '.', '\n', '[', '\\', '^', '𝔸', 'é');
const text = fc.string({ unit: letters, maxLength: 12 });
const pattern = fc.string({ unit: fc.oneof(letters, fc.constantFrom('*', '?')), maxLength: 8 });

describe('wildcards', () => {
  it('match what a regular expression of the same meaning does', () => {
    fc.assert(
      fc.property(pattern, text, (globbed, plain) => {
        expect(matches(patternOf(globbed), plain)).toBe(reference(globbed).test(plain));
      }),
      { numRuns: 5000 },
    );
  });

  it('take no time that grows with the number of stars', () => {
    // A regular expression of this would go on for longer than anybody waits.
    const stars = `${'*a'.repeat(40)}b`;
    expect(matches(patternOf(stars), 'a'.repeat(2000))).toBe(false);
  });
});

describe('ARNs', () => {
  it.each([
    ['arn:aws:iam::*:role/Analyst', 'arn:aws:iam::123456789012:role/Analyst', true],
    ['arn:aws:iam::*:role/Analyst', 'arn:aws:iam::1:x:role/Analyst', false],
    ['arn:*:*:*:*:*', 'arn:aws:s3:::bucket/key:with:colons', true],
    ['arn:aws:athena:us-east-?:*:workgroup/*', 'arn:aws:athena:us-east-1:123456789012:workgroup/a/session/b', true],
    ['arn:aws:s3:::bucket/a:b*', 'arn:aws:s3:::bucket/a:bc:d', true],
    ['arn:aws:s3*', 'arn:aws:s3:::bucket', false],
    ['arn:aws:s3:::bucket', 'bucket', false],
  ])('%s and %s: %s', (expected, actual, result) => {
    expect(matchesArn(patternOf(expected), actual)).toBe(result);
  });
});
