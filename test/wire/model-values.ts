import fc from 'fast-check';
import { model, type Shape, type ShapeReference, type StringShape, shapeNamed } from '../../src/wire/model.ts';

/** Values for the model's shapes, and AWS's words for what is wrong with them, made without the code under test. */

interface PatternStrings {
  /** A string of that many characters: the valid one of that length, if there is one. */
  readonly make: (length: number) => string;
  /** The shortest and the longest that the pattern itself allows. */
  readonly min: number;
  readonly max: number;
}

const SSO = 'arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):sso:';
const ANY_CHARACTER = '[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]';
const UUID = '[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}';

/** Strings for every pattern of the model; a new pattern needs a line here. */
const PATTERNS: Readonly<Record<string, PatternStrings>> = {
  '.*': repeating('a', '', 0),
  '\\S+': repeating('a', ''),
  '\\w+\\/[-+.\\w]+': repeating('a', 'a/'),
  '^[0-9]+$': repeating('7', ''),
  '^[^:*]*$': repeating('a', '', 0),
  '^[a-zA-Z0-9._/-]+$': repeating('a', ''),
  '[a-zA-Z0-9._-]+': repeating('a', ''),
  '[a-zA-Z0-9._-]{1,128}': { ...repeating('a', ''), max: 128 },
  '[a-zA-Z_][a-zA-Z0-9_@:]{1,256}': { ...repeating('a', 'a'), max: 257 },
  '^(https|s3|S3)://([^/]+)/?(.*)$': repeating('a', 's3://'),
  '^s3://[a-z0-9][a-z0-9\\-]*[a-z0-9](/.*)?$': repeating('a', 's3://b'),
  '^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$': repeating('r', 'arn:aws:iam::123456789012:role/'),
  '^arn:aws[a-z\\-]*:kms:[a-z0-9\\-]+:\\d{12}:(key/(mrk-)?[0-9a-f\\-]+|alias/[a-zA-Z0-9/_\\-]+)$': repeating(
    'a',
    'arn:aws:kms:eu-central-1:123456789012:key/',
  ),
  [`^(arn:aws[a-z\\-]*:kms:([a-z0-9\\-]+):\\d{12}:key/?[a-zA-Z_0-9+=,.@\\-_/]+|arn:aws[a-z\\-]*:kms:([a-z0-9\\-]+):\\d{12}:alias/?[a-zA-Z_0-9+=,.@\\-_/]+|alias/[a-zA-Z0-9/_-]+|${UUID})$`]:
    repeating('a', 'alias/'),
  [`^${SSO}:\\d{12}:application/(sso)?ins-[a-zA-Z0-9-.]{16}/apl-[a-zA-Z0-9]{16}$`]: fixed(
    'arn:aws:sso::123456789012:application/ssoins-0123456789abcdef/apl-0123456789abcdef',
  ),
  [`^${SSO}::instance/(sso)?ins-[a-zA-Z0-9-.]{16}$`]: fixed('arn:aws:sso:::instance/ssoins-0123456789abcdef'),
  [UUID]: fixed('01234567-89ab-cdef-0123-456789abcdef'),
  [`${ANY_CHARACTER}*`]: repeating('é', '', 0),
  [`(?!.*[/:\\\\])${ANY_CHARACTER}+`]: repeating('é', ''),
};

function repeating(character: string, prefix: string, min = prefix.length + 1): PatternStrings {
  const make = (length: number) => prefix.slice(0, length) + character.repeat(Math.max(0, length - prefix.length));
  return { make, min, max: Number.POSITIVE_INFINITY };
}

function fixed(text: string): PatternStrings {
  return { ...repeating('x', text), min: text.length, max: text.length };
}

function patternStrings({ pattern }: StringShape): PatternStrings {
  if (pattern === undefined) return repeating('s', '', 0);
  const strings = PATTERNS[pattern];
  if (strings === undefined) throw new Error(`no strings for the pattern ${pattern}`);
  return strings;
}

/** Strings that break a pattern whatever their place in it. */
export const PATTERN_BREAKER = '\u0001 \n';

/** Valid values; `complete` has every optional member too. */
export function validValue(shapeName: string, complete: boolean): fc.Arbitrary<unknown> {
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'structure': {
      const members = Object.entries(shape.members).map(([name, member]) => [name, validValue(member.shape, complete)]);
      const record: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(members);
      return complete ? fc.record(record) : fc.record(record, { requiredKeys: [...(shape.required ?? [])] });
    }
    case 'list': {
      const minLength = Math.max(shape.min ?? 0, complete ? 1 : 0);
      const maxLength = Math.max(minLength, Math.min(shape.max ?? 3, 3));
      return fc.array(validValue(shape.member.shape, complete), { minLength, maxLength });
    }
    case 'map': {
      const key = validValue(shape.key.shape, complete) as fc.Arbitrary<string>;
      return fc.dictionary(key, validValue(shape.value.shape, complete), { minKeys: complete ? 1 : 0, maxKeys: 3 });
    }
    case 'string':
      if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
      return validString(shape);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: shape.min ?? -(2 ** 31), max: shape.max ?? 2 ** 31 - 1 });
    case 'long':
      return fc.maxSafeInteger().map((n) => Math.max(n, shape.min ?? n));
    case 'double':
    case 'float':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'timestamp':
      return fc.nat();
    case 'blob':
      return fc.base64String();
  }
}

function validString(shape: StringShape): fc.Arbitrary<string> {
  const { make, ...lengths } = patternStrings(shape);
  const min = Math.max(shape.min ?? 0, lengths.min);
  return fc.integer({ min, max: Math.max(min, Math.min(shape.max ?? 300, lengths.max, 300)) }).map(make);
}

/** Values around each bound of a shape: on the bound and one beyond. */
export function valuesAtBounds(shapeName: string): unknown[] {
  const shape = shapeNamed(shapeName);
  const bounds = 'min' in shape || 'max' in shape ? [shape.min, shape.max].filter((bound) => bound !== undefined) : [];
  const around = bounds.flatMap((bound) => [bound - 1, bound, bound + 1]);
  switch (shape.type) {
    case 'string': {
      const strings = around.filter((length) => length >= 0).map(patternStrings(shape).make);
      if (shape.pattern !== undefined) strings.push(PATTERN_BREAKER, '\u{1F600}'.repeat(2));
      else strings.push(...around.filter((n) => n >= 0 && n < 1000).map((length) => '\u{1F600}'.repeat(length)));
      return shape.enum === undefined ? strings : [...strings, 'NOT_IN_THE_SET', ''];
    }
    case 'list': {
      const [member] = fc.sample(validValue(shape.member.shape, true), { numRuns: 1, seed: 7 });
      return around.filter((length) => length >= 0).map((length) => Array.from({ length }, () => member));
    }
    case 'integer':
      return around.filter((value) => Math.abs(value) < 2 ** 31);
    case 'long':
    case 'double':
    case 'float':
      return around;
    default:
      return [];
  }
}

/** The constraints that a value breaks, in AWS's words and order. */
export function brokenConstraints(shape: Shape, value: unknown): string[] {
  const broken: string[] = [];
  if (value === null || value === undefined) return ['Member must not be null'];
  if (shape.type === 'string') {
    const text = String(value);
    if (shape.enum && !shape.enum.includes(text)) broken.push(enumText(shape));
    if (shape.pattern && !new RegExp(`^(?:${shape.pattern})$`, 'u').test(text)) broken.push(patternText(shape));
    if ([...text].length < (shape.min ?? 0))
      broken.push(`Member must have length greater than or equal to ${shape.min}`);
    if ([...text].length > (shape.max ?? Number.POSITIVE_INFINITY)) broken.push(lengthText(shape.max));
  } else if (shape.type === 'list') {
    const { length } = value as unknown[];
    if (length < (shape.min ?? 0)) broken.push(`Member must have length greater than or equal to ${shape.min}`);
    if (length > (shape.max ?? Number.POSITIVE_INFINITY)) broken.push(lengthText(shape.max));
  } else if ('min' in shape || 'max' in shape) {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = shape;
    if (Number(value) < min) broken.push(`Member must have value greater than or equal to ${min}`);
    if (Number(value) > max) broken.push(`Member must have value less than or equal to ${max}`);
  }
  return broken;
}

const enumText = (shape: StringShape) => `Member must satisfy enum value set: [${shape.enum?.join(', ')}]`;
const patternText = (shape: StringShape) => `Member must satisfy regular expression pattern: ${shape.pattern}`;
const lengthText = (max: number | undefined) => `Member must have length less than or equal to ${max}`;

/** All constraints of an element, as AWS lists them for the collection around it. */
export function constraintList(shape: Shape): string {
  const texts: string[] = [];
  if (shape.type === 'string' || shape.type === 'list') {
    if (shape.max !== undefined) texts.push(lengthText(shape.max));
    if (shape.min !== undefined) texts.push(`Member must have length greater than or equal to ${shape.min}`);
  }
  if (shape.type === 'string' && shape.pattern !== undefined) texts.push(patternText(shape));
  if (shape.type === 'string' && shape.enum !== undefined) texts.push(enumText(shape));
  if (shape.type === 'list')
    texts.push(`Member must satisfy constraint: ${constraintList(shapeNamed(shape.member.shape))}`);
  return `[${texts.join(', ')}]`;
}

/** A value as Java prints it, the form of AWS's messages. */
export function printed(reference: ShapeReference, value: unknown): string {
  const shape = shapeNamed(reference.shape);
  if (Array.isArray(value) && shape.type === 'list')
    return `[${value.map((v) => printed(shape.member, v)).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value);
    if (shape.type === 'map') return `{${entries.map(([k, v]) => `${k}=${printed(shape.value, v)}`).join(', ')}}`;
    if (shape.type === 'structure') {
      const names = Object.keys(shape.members).filter((name) => name in value);
      const pairs = names.map((name) => {
        const member = shape.members[name] ?? { shape: 'String' };
        return `${name.charAt(0).toLowerCase()}${name.slice(1)}=${printed(member, Reflect.get(value, name))}`;
      });
      return `${reference.shape}(${pairs.join(', ')})`;
    }
  }
  return String(value);
}

export const OPERATIONS = Object.entries(model.operations).map(([name, { input }]) => ({ name, input }));
