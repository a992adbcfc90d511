import type { RequestContext } from './context.ts';
import { OPERATORS, type ValueTest } from './operators.ts';

/** Whether a condition holds in a request. */
export type Condition = (context: RequestContext) => boolean;

type Quantifier = 'all' | 'any' | undefined;

/** An operator's name as it stands in a policy, taken apart. */
interface OperatorName {
  readonly quantifier: Quantifier;
  readonly base: string;
  readonly ifExists: boolean;
}

/** What a policy says of how its conditions are read. */
export interface ConditionOptions {
  /** Whether `${…}` is read in values. */
  readonly variables: boolean;
  /**
   * A variable without a value equals nothing. Whether it is therefore *not equal*: so for Deny, where that denies, and not for
   * Allow, since nobody gains a right by a tag that they lack.
   */
  readonly unknownIsUnequal: boolean;
}

/**
 * Reads one `operator: { key: values }` of a Condition element.
 *
 * @throws SyntaxError when there is no such operator, or a value is none for it
 */
export function parseCondition(
  operator: string,
  key: string,
  values: readonly string[],
  options: ConditionOptions,
): Condition {
  const name = parseOperator(operator);
  const contextKey = key.toLowerCase();
  if (name.base === 'null') return nullCondition(contextKey, values);
  const known = OPERATORS.get(name.base);
  if (known === undefined) throw new SyntaxError(`${operator} is no condition operator`);
  const tests = values.map((value) => known.parse(value, options.variables));
  const settle = (matched: boolean | undefined): boolean => {
    if (!known.negated) return matched === true;
    return matched === undefined ? options.unknownIsUnequal : !matched;
  };
  return (context) => {
    const actual = context(contextKey);
    if (actual === undefined || isMissing(actual)) return holdsWithoutKey(name, known.negated);
    const each = (typeof actual === 'string' ? [actual] : actual).map((value) => matchesAny(tests, value, context));
    if (name.quantifier === 'all') return each.every(settle);
    if (name.quantifier === 'any') return each.some(settle);
    return settle(anyOf(each));
  };
}

function parseOperator(operator: string): OperatorName {
  const [, prefix, name = ''] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/i.exec(operator) ?? [];
  const ifExists = /IfExists$/i.test(name);
  const base = name.replace(/IfExists$/i, '').toLowerCase();
  const quantifier = prefix && (prefix.toLowerCase() === 'forallvalues' ? 'all' : 'any');
  if (base === 'null' && (ifExists || quantifier)) throw new SyntaxError(`${operator} is no condition operator`);
  return { quantifier: quantifier as Quantifier, base, ifExists };
}

function nullCondition(key: string, values: readonly string[]): Condition {
  const wanted = values.map((value) => {
    if (!/^(true|false)$/i.test(value)) throw new SyntaxError(`"${value}" is neither true nor false`);
    return value.toLowerCase() === 'true';
  });
  return (context) => wanted.includes(isMissing(context(key)));
}

/** What AWS's page says of keys that the request does not have. */
function holdsWithoutKey({ quantifier, ifExists }: OperatorName, negated: boolean): boolean {
  return ifExists || quantifier === 'all' || (negated && quantifier === undefined);
}

function isMissing(actual: string | readonly string[] | undefined): boolean {
  return actual === undefined || (typeof actual !== 'string' && actual.length === 0);
}

function matchesAny(tests: readonly ValueTest[], actual: string, context: RequestContext): boolean | undefined {
  return anyOf(tests.map((test) => test(actual, context)));
}

/** Three-valued or: `undefined` is "not known". */
function anyOf(values: readonly (boolean | undefined)[]): boolean | undefined {
  if (values.includes(true)) return true;
  return values.includes(undefined) ? undefined : false;
}
