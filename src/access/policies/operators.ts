import type { RequestContext } from './context.ts';
import { isInCidr, parseCidr } from './ip.ts';
import { matches, matchesArn, type Pattern } from './pattern.ts';
import { parseTemplate } from './template.ts';

/**
 * One value of a condition, read once. `undefined` says that a variable in it has no value in this request.
 * @param actual a value of the request
 */
export type ValueTest = (actual: string, context: RequestContext) => boolean | undefined;

/** @throws SyntaxError when the policy's value is none for this operator */
type ValueParser = (expected: string, variables: boolean) => ValueTest;

export interface Operator {
  readonly negated: boolean;
  readonly parse: ValueParser;
}

/**
 * Every operator by its name in lower case, except `Null`, which looks at no value.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...withNegation('stringequals', 'stringnotequals', text(false)),
    ...withNegation('stringequalsignorecase', 'stringnotequalsignorecase', text(false, true)),
    ...withNegation('stringlike', 'stringnotlike', text(true)),
    ...withNegation('arnequals', 'arnnotequals', arn),
    ...withNegation('arnlike', 'arnnotlike', arn),
    ...comparisons('numeric', number),
    ...comparisons('date', instant),
    ...withNegation('ipaddress', 'notipaddress', address),
    bool: { negated: false, parse: boolean },
  }),
);

function withNegation(name: string, negatedName: string, parse: ValueParser): Record<string, Operator> {
  return { [name]: { negated: false, parse }, [negatedName]: { negated: true, parse } };
}

function comparisons(family: string, read: (text: string) => number): Record<string, Operator> {
  const comparing =
    (holds: (actual: number, expected: number) => boolean): ValueParser =>
    (expected) => {
      const bound = read(expected);
      if (Number.isNaN(bound)) throw new SyntaxError(`"${expected}" is no ${family === 'date' ? 'date' : 'number'}`);
      return (actual) => holds(read(actual), bound);
    };
  const less = comparing((actual, expected) => actual < expected);
  const lessOrEqual = comparing((actual, expected) => actual <= expected);
  const greater = comparing((actual, expected) => actual > expected);
  const greaterOrEqual = comparing((actual, expected) => actual >= expected);
  return {
    ...withNegation(
      `${family}equals`,
      `${family}notequals`,
      comparing((actual, expected) => actual === expected),
    ),
    [`${family}lessthan`]: { negated: false, parse: less },
    [`${family}lessthanequals`]: { negated: false, parse: lessOrEqual },
    [`${family}greaterthan`]: { negated: false, parse: greater },
    [`${family}greaterthanequals`]: { negated: false, parse: greaterOrEqual },
  };
}

function text(wildcards: boolean, ignoreCase = false): ValueParser {
  return (expected, variables) => {
    const template = parseTemplate(expected, { wildcards, variables });
    return (actual, context) => {
      const pattern = template.resolve(context);
      if (pattern === undefined) return undefined;
      return ignoreCase ? matches(lowered(pattern), actual.toLowerCase()) : matches(pattern, actual);
    };
  };
}

function lowered(pattern: Pattern): Pattern {
  return pattern.flatMap((token) =>
    token < 0 ? [token] : Array.from(String.fromCodePoint(token).toLowerCase(), (one) => one.codePointAt(0) as number),
  );
}

function arn(expected: string, variables: boolean): ValueTest {
  const template = parseTemplate(expected, { wildcards: true, variables });
  return (actual, context) => {
    const pattern = template.resolve(context);
    return pattern && matchesArn(pattern, actual);
  };
}

function number(value: string): number {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
}

/** ISO 8601, or seconds since 1970. @returns milliseconds since 1970, or NaN */
function instant(value: string): number {
  if (/^\d+(?:\.\d+)?$/.test(value)) return value.length <= 4 ? Date.parse(value) : Number(value) * 1000;
  return /^\d{4}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
}

function boolean(expected: string): ValueTest {
  const wanted = expected.toLowerCase();
  if (wanted !== 'true' && wanted !== 'false') throw new SyntaxError(`"${expected}" is neither true nor false`);
  return (actual) => actual.toLowerCase() === wanted;
}

function address(expected: string): ValueTest {
  const block = parseCidr(expected);
  if (block === undefined) throw new SyntaxError(`"${expected}" is no IP address and no block of them (CIDR)`);
  return (actual) => isInCidr(block, actual);
}
