// biome-ignore-all lint/suspicious/noTemplateCurlyInString: IAM writes its variables like this
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCondition } from '../../../src/access/policies/condition.ts';

type Values = string | readonly string[] | undefined;

function holds(operator: string, values: readonly string[], actual: Values, denies = false): boolean {
  const condition = parseCondition(operator, 'aws:Key', values, { variables: true, unknownIsUnequal: denies });
  return condition((key) => (key === 'aws:key' ? actual : key === 'aws:username' ? 'alice' : undefined));
}

describe('condition operators', () => {
  it.each<[string, string[], Values, boolean]>([
    ['StringEquals', ['a', 'b'], 'b', true],
    ['StringEquals', ['a'], 'A', false],
    ['StringEquals', ['a*'], 'ab', false],
    ['StringNotEquals', ['a', 'b'], 'b', false],
    ['StringNotEquals', ['a', 'b'], 'c', true],
    ['StringEqualsIgnoreCase', ['Straße'], 'sTRASSE', false],
    ['StringEqualsIgnoreCase', ['Data'], 'dATA', true],
    ['StringNotEqualsIgnoreCase', ['Data'], 'dATA', false],
    ['StringLike', ['home/${aws:username}/*'], 'home/alice/x', true],
    ['StringLike', ['home/${aws:username}/*'], 'home/bob/x', false],
    ['StringLike', ['a${*}b'], 'a*b', true],
    ['StringLike', ['a${*}b'], 'axb', false],
    ['StringEquals', ["${aws:nobody, 'none'}"], 'none', true],
    ['StringNotLike', ['a?'], 'ab', false],
    ['ArnEquals', ['arn:aws:iam::*:role/a*'], 'arn:aws:iam::1:role/abc', true],
    ['ArnLike', ['arn:aws:iam::*:role/a*'], 'arn:aws:iam::1:role/bc', false],
    ['ArnNotLike', ['arn:aws:iam::*:role/a*'], 'arn:aws:iam::1:role/bc', true],
    ['ArnNotEquals', ['arn:aws:iam::*:role/a*'], 'arn:aws:iam::1:role/abc', false],
    ['NumericEquals', ['10'], '10.0', true],
    ['NumericNotEquals', ['10'], '10', false],
    ['NumericLessThan', ['10'], '9', true],
    ['NumericLessThan', ['10'], '10', false],
    ['NumericLessThanEquals', ['10'], '10', true],
    ['NumericGreaterThan', ['-1.5'], '-1', true],
    ['NumericGreaterThanEquals', ['1e3'], '1000', true],
    ['NumericEquals', ['10'], 'ten', false],
    ['DateGreaterThan', ['2026-01-01T00:00:00Z'], '2026-01-01T00:00:01Z', true],
    ['DateLessThan', ['2026-01-01T00:00:00Z'], '1767225599', true],
    ['DateLessThanEquals', ['1767225600'], '2026-01-01T00:00:00Z', true],
    ['DateEquals', ['2026-01-01T01:00:00+01:00'], '2026-01-01T00:00:00.000Z', true],
    ['DateNotEquals', ['2026-01-01'], '2026-01-01T00:00:00Z', false],
    ['DateGreaterThanEquals', ['2026'], '2026-01-01T00:00:00Z', true],
    ['Bool', ['true'], 'TRUE', true],
    ['Bool', ['false'], 'true', false],
    ['IpAddress', ['203.0.113.0/24'], '203.0.113.7', true],
    ['IpAddress', ['203.0.113.0/24'], '203.0.114.7', false],
    ['IpAddress', ['203.0.113.7'], '::ffff:203.0.113.7', true],
    ['IpAddress', ['0.0.0.0/0'], '2001:db8::1', false],
    ['IpAddress', ['2001:DB8:1234:5678::/64'], '2001:db8:1234:5678:9::1', true],
    ['IpAddress', ['2001:db8::/32', '10.0.0.0/8'], '10.255.0.1', true],
    ['NotIpAddress', ['10.0.0.0/8'], '10.0.0.1', false],
    ['NotIpAddress', ['10.0.0.0/8'], '11.0.0.1', true],
    ['Null', ['true'], undefined, true],
    ['Null', ['true'], 'x', false],
    ['Null', ['false'], 'x', true],
    ['Null', ['true'], [], true],
  ])('%s %j on %j is %s', (operator, values, actual, expected) => {
    expect(holds(operator, values, actual)).toBe(expected);
  });

  it('without their key are false, negated ones true, IfExists true', () => {
    expect(holds('StringEquals', ['a'], undefined)).toBe(false);
    expect(holds('IpAddress', ['10.0.0.0/8'], undefined)).toBe(false);
    expect(holds('Bool', ['false'], undefined)).toBe(false);
    expect(holds('StringNotLike', ['a'], undefined)).toBe(true);
    expect(holds('NotIpAddress', ['10.0.0.0/8'], undefined)).toBe(true);
    expect(holds('StringEqualsIfExists', ['a'], undefined)).toBe(true);
    expect(holds('StringEqualsIfExists', ['a'], 'b')).toBe(false);
    expect(holds('ForAnyValue:StringEqualsIfExists', ['a'], undefined)).toBe(true);
  });

  // The table in AWS's page on keys with many values.
  it.each<[string, string[], Values, boolean]>([
    ['ForAllValues:StringEquals', ['team', 'env'], ['team'], true],
    ['ForAllValues:StringEquals', ['team', 'env'], ['team', 'cost'], false],
    ['ForAllValues:StringEquals', ['team'], undefined, true],
    ['ForAllValues:StringEquals', ['team'], [], true],
    ['ForAnyValue:StringEquals', ['team', 'env'], ['team', 'cost'], true],
    ['ForAnyValue:StringEquals', ['team'], ['cost'], false],
    ['ForAnyValue:StringEquals', ['team'], undefined, false],
    ['ForAnyValue:StringNotEquals', ['team'], ['team', 'cost'], true],
    ['ForAnyValue:StringNotEquals', ['team'], undefined, false],
    ['ForAllValues:StringNotEquals', ['team'], ['cost'], true],
    ['ForAllValues:StringNotEquals', ['team'], ['cost', 'team'], false],
  ])('%s %j on %j is %s', (operator, values, actual, expected) => {
    expect(holds(operator, values, actual)).toBe(expected);
  });

  it('give nobody a right by a variable that has no value, and take none of a denial', () => {
    expect(holds('StringEquals', ['${aws:PrincipalTag/team}'], 'data')).toBe(false);
    expect(holds('StringNotEquals', ['${aws:PrincipalTag/team}'], 'data')).toBe(false);
    expect(holds('StringNotEquals', ['${aws:PrincipalTag/team}'], 'data', true)).toBe(true);
    expect(holds('StringEquals', ['${aws:PrincipalTag/team}'], 'data', true)).toBe(false);
  });

  it.each([
    ['StringEqual', 'a'],
    ['NullIfExists', 'true'],
    ['ForAllValues:Null', 'true'],
    ['ForSomeValues:StringEquals', 'a'],
    ['NumericEquals', 'ten'],
    ['DateEquals', 'tomorrow'],
    ['Bool', 'maybe'],
    ['Null', 'maybe'],
    ['IpAddress', '10.0.0.0/33'],
    ['IpAddress', 'localhost'],
    ['StringLike', '${aws:username'],
    ['StringLike', '${username}'],
  ])('%s "%s" is refused', (operator, value) => {
    expect(() => holds(operator, [value], 'x')).toThrow(SyntaxError);
  });

  it.each(['String', 'StringIgnoreCase', 'Numeric', 'Date', 'Arn', 'Ip'])('negation complements: %s', (family) => {
    const pairs: Record<string, [string, string, fc.Arbitrary<string>]> = {
      String: ['StringLike', 'StringNotLike', fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 4 })],
      StringIgnoreCase: ['StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', fc.constantFrom('a', 'A', 'b')],
      Numeric: ['NumericEquals', 'NumericNotEquals', fc.integer({ min: 0, max: 3 }).map(String)],
      Date: ['DateEquals', 'DateNotEquals', fc.constantFrom('2026-01-01', '2026-01-02T00:00:00Z', '1767225600')],
      Arn: ['ArnLike', 'ArnNotLike', fc.constantFrom('arn:aws:s3:::a', 'arn:aws:s3:::*', 'arn:aws:s3:::b')],
      Ip: ['IpAddress', 'NotIpAddress', fc.constantFrom('10.0.0.1', '10.0.0.0/8', '::1', '::/0')],
    };
    const [positive, negative, value] = pairs[family] as [string, string, fc.Arbitrary<string>];
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 3 }),
        fc.option(value, { nil: undefined }),
        (values, actual) => {
          expect(holds(negative, values, actual)).toBe(!holds(positive, values, actual));
        },
      ),
    );
  });
});
