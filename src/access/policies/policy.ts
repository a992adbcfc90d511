import { type Condition, parseCondition } from './condition.ts';
import type { RequestContext } from './context.ts';
import { matches, type Pattern } from './pattern.ts';
import { parseTemplate, type Template } from './template.ts';

/** A policy that IAM would not take either; `message` begins with the place: `Statement[1].Action[0]: …`. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(place: string, problem: string) {
    super(place === '' ? problem : `${place}: ${problem}`);
  }
}

/** One statement, read once and asked often. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  /** @param action in lower case */
  applies(action: string, resource: string, context: RequestContext): boolean;
}

export interface Policy {
  readonly statements: readonly Statement[];
  /** Keys that its conditions and variables ask for, in lower case. */
  readonly keys: ReadonlySet<string>;
}

const VERSIONS = ['2012-10-17', '2008-10-17'];
/** `*`, or a service and an action with wildcards. */
const ACTION = /^(?:\*|(?:\*|[a-z0-9-]+):[a-z0-9*?]+)$/i;
const ARN_COLONS = 5;

/**
 * Reads an identity-based policy in AWS's JSON.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 *
 * @param document JSON text, or what it stands for
 * @throws PolicyError
 */
export function parsePolicy(document: unknown): Policy {
  const policy = objectAt('', typeof document === 'string' ? parseJson(document) : document);
  onlyMembers('', policy, ['Version', 'Id', 'Statement']);
  const { Version: version = '2008-10-17', Statement: statements } = policy;
  if (!VERSIONS.includes(version as string)) throw new PolicyError('Version', `must be ${VERSIONS.join(' or ')}`);
  if (statements === undefined) throw new PolicyError('', 'The policy has no Statement');
  const list = Array.isArray(statements) ? statements : [statements];
  if (list.length === 0) throw new PolicyError('Statement', 'is empty');
  const keys = new Set<string>();
  const variables = version === '2012-10-17';
  const places = list.map((_, index) => (Array.isArray(statements) ? `Statement[${index}]` : 'Statement'));
  checkSids(list, places);
  return {
    statements: list.map((one, index) => parseStatement(places[index] as string, one, variables, keys)),
    keys,
  };
}

function parseStatement(place: string, value: unknown, variables: boolean, keys: Set<string>): Statement {
  const statement = objectAt(place, value);
  for (const member of ['Principal', 'NotPrincipal']) {
    if (member in statement)
      throw new PolicyError(`${place}.${member}`, 'Policy document should not specify a principal.');
  }
  const members = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
  onlyMembers(place, statement, members);
  const { Effect: effect } = statement;
  if (effect !== 'Allow' && effect !== 'Deny') throw new PolicyError(`${place}.Effect`, 'must be Allow or Deny');
  const denies = effect === 'Deny';
  const action = actionTest(place, statement);
  const resource = resourceTest(place, statement, variables, denies, keys);
  const conditions = parseConditions(`${place}.Condition`, statement.Condition, variables, denies, keys);
  return {
    effect,
    applies: (asked, on, context) =>
      action(asked) && resource(on, context) && conditions.every((holds) => holds(context)),
  };
}

function actionTest(place: string, statement: Record<string, unknown>): (action: string) => boolean {
  const { name, values } = eitherOf(place, statement, 'Action', 'NotAction');
  const patterns = values.map((value, index): Pattern => {
    if (!ACTION.test(value)) {
      throw new PolicyError(placeOf(place, name, statement[name], index), `"${value}" is no action (service:Name)`);
    }
    return parseTemplate(value.toLowerCase(), { wildcards: true, variables: false }).resolve(
      () => undefined,
    ) as Pattern;
  });
  const negated = name === 'NotAction';
  return (action) => patterns.some((pattern) => matches(pattern, action)) !== negated;
}

function resourceTest(
  place: string,
  statement: Record<string, unknown>,
  variables: boolean,
  denies: boolean,
  keys: Set<string>,
): (resource: string, context: RequestContext) => boolean {
  const { name, values } = eitherOf(place, statement, 'Resource', 'NotResource');
  const templates = values.map((value, index): Template => {
    const at = placeOf(place, name, statement[name], index);
    if (!isResource(value)) throw new PolicyError(at, `"${value}" is no ARN and not *`);
    noteVariables(value, variables, keys);
    return readAt(at, () => parseTemplate(value, { wildcards: true, variables }));
  });
  if (name === 'Resource') {
    return (resource, context) => templates.some((template) => matches(template.resolve(context) ?? NOTHING, resource));
  }
  return (resource, context) =>
    templates.every((template) => {
      const pattern = template.resolve(context);
      // A variable without a value names no resource: a Deny then spares none, and an Allow gives none.
      return pattern === undefined ? denies : !matches(pattern, resource);
    });
}

/** No resource is the empty text. */
const NOTHING: Pattern = [];

function parseConditions(
  place: string,
  value: unknown,
  variables: boolean,
  denies: boolean,
  keys: Set<string>,
): Condition[] {
  if (value === undefined) return [];
  return Object.entries(objectAt(place, value)).flatMap(([operator, block]) =>
    Object.entries(objectAt(`${place}.${operator}`, block)).map(([key, expected]) => {
      const at = `${place}.${operator}.${key}`;
      keys.add(key.toLowerCase());
      const values = conditionValues(at, expected);
      for (const one of values) noteVariables(one, variables, keys);
      return readAt(at, () => parseCondition(operator, key, values, { variables, unknownIsUnequal: denies }));
    }),
  );
}

/** AWS takes numbers and true or false with quotation marks or without. */
function conditionValues(place: string, value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((one: unknown, index) => {
    if (typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean') return String(one);
    throw new PolicyError(Array.isArray(value) ? `${place}[${index}]` : place, 'must be text, a number, true or false');
  });
}

function eitherOf(place: string, statement: Record<string, unknown>, one: string, other: string) {
  const given = [one, other].filter((name) => name in statement);
  if (given.length === 0) throw new PolicyError(place, `has neither ${one} nor ${other}`);
  if (given.length > 1) throw new PolicyError(place, `has both ${one} and ${other}`);
  const [name] = given as [string];
  const value = statement[name];
  const values: unknown[] = Array.isArray(value) ? value : [value];
  if (values.length === 0) throw new PolicyError(`${place}.${name}`, 'is empty');
  values.forEach((text, index) => {
    if (typeof text !== 'string') throw new PolicyError(placeOf(place, name, value, index), 'must be text');
  });
  return { name, values: values as string[] };
}

function isResource(value: string): boolean {
  if (value === '*') return true;
  const colons = value.replace(/\$\{[^}]*\}/g, '').split(':').length - 1;
  return value.startsWith('arn:') && (colons >= ARN_COLONS || value.endsWith('*'));
}

function checkSids(statements: readonly unknown[], places: readonly string[]): void {
  const seen = new Set<unknown>();
  statements.forEach((statement, index) => {
    const sid = (statement as { Sid?: unknown } | null)?.Sid;
    if (sid === undefined) return;
    const place = `${places[index]}.Sid`;
    if (typeof sid !== 'string' || !/^[A-Za-z0-9]*$/.test(sid))
      throw new PolicyError(place, 'must be letters and digits');
    if (sid !== '' && seen.has(sid)) throw new PolicyError(place, `"${sid}" is there twice`);
    seen.add(sid);
  });
}

function noteVariables(text: string, variables: boolean, keys: Set<string>): void {
  if (!variables) return;
  for (const [, key = ''] of text.matchAll(/\$\{([^},]+)/g)) keys.add(key.trim().toLowerCase());
}

function readAt<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) throw new PolicyError(place, error.message);
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PolicyError('', `The policy is not JSON: ${(error as Error).message}`);
  }
}

function objectAt(place: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new PolicyError(place, place === '' ? 'The policy is no JSON object' : 'must be an object');
}

function onlyMembers(place: string, value: Record<string, unknown>, known: readonly string[]): void {
  const strange = Object.keys(value).find((name) => !known.includes(name));
  if (strange !== undefined)
    throw new PolicyError(place === '' ? strange : `${place}.${strange}`, 'is no element of policies');
}

function placeOf(place: string, name: string, value: unknown, index: number): string {
  return Array.isArray(value) ? `${place}.${name}[${index}]` : `${place}.${name}`;
}
