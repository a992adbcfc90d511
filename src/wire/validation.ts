import type { ErrorObject } from 'ajv';
import { InvalidRequestException } from '../errors.ts';
import { allConstraints, type ConstraintKind, constraintText, memberName, shownValue } from './constraint-text.ts';
import { type ShapeReference, shapeNamed } from './model.ts';
import { validatorsOf } from './schema.ts';

/** What a failure is about, before its text is made. */
interface Failure {
  /** Where in the model's order it stands; failures are told in this order. */
  readonly order: readonly number[];
  readonly path: string;
  readonly reference: ShapeReference;
  readonly value: unknown;
  readonly constraint: string;
}

/** A message names this many failures at most; its count tells of more. */
const MAX_SHOWN_FAILURES = 100;

/** … and no more of them than come to this: each shows its value, which may be long. */
const MAX_SHOWN_CHARACTERS = 256 * 1024;

/** Failures are collected from the first elements of a list or map; no bound of the model on their number is higher. */
const MAX_SEARCHED_ELEMENTS = 1000;

/** Pattern before length is AWS's order for one value. */
const KINDS: readonly ConstraintKind[] = ['null', 'enum', 'pattern', 'min', 'max'];

const KEYWORD_KINDS: Readonly<Record<string, ConstraintKind>> = {
  required: 'null',
  type: 'null',
  enum: 'enum',
  pattern: 'pattern',
  minLength: 'min',
  minItems: 'min',
  minProperties: 'min',
  minimum: 'min',
  maxLength: 'max',
  maxItems: 'max',
  maxProperties: 'max',
  maximum: 'max',
};

/**
 * Holds an operation's input, as `decodeInput` returns it, against every constraint of the model.
 * @throws InvalidRequestException that names all failures in AWS's wording, in the model's order
 */
export function validateInput(shapeName: string, input: object): void {
  const validators = validatorsOf(shapeName);
  if (validators.first(input)) return;
  const errors = validators.all(shortened(input)) ? validators.first.errors : validators.all.errors;
  const failures = failuresOf(shapeName, input, errors ?? []);
  const count = `${failures.length} validation error${failures.length === 1 ? '' : 's'} detected: `;
  throw new InvalidRequestException(count + shownOf(failures).join('; '));
}

/** Looking for all failures among a million bad tags would hold the server for many seconds. */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, MAX_SEARCHED_ELEMENTS).map(shortened);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  const entries = Object.entries(value).slice(0, MAX_SEARCHED_ELEMENTS);
  return Object.fromEntries(entries.map(([name, item]) => [name, shortened(item)]));
}

function shownOf(failures: readonly Failure[]): string[] {
  const shown: string[] = [];
  let characters = 0;
  for (const failure of failures.slice(0, MAX_SHOWN_FAILURES)) {
    const text = textOf(failure);
    shown.push(text);
    characters += text.length;
    if (characters > MAX_SHOWN_CHARACTERS) break;
  }
  return shown;
}

function textOf({ reference, value, path, constraint }: Failure): string {
  return `${shownValue(reference, value)} at '${path}' failed to satisfy constraint: ${constraint}`;
}

function failuresOf(shapeName: string, input: object, errors: readonly ErrorObject[]): Failure[] {
  // A list of a thousand bad strings is one failure: keyed before any text is made of its value.
  const failures = new Map<string, Failure>();
  for (const error of errors) {
    if (error.propertyName !== undefined || error.keyword === 'if') continue;
    const failure = locate({ shape: shapeName }, input, error);
    failures.set(`${failure.path}\n${failure.constraint}`, failure);
  }
  return [...failures.values()].sort((a, b) => compareOrder(a.order, b.order));
}

/** Walks from the input to the value that failed, through the model's shapes. */
function locate(root: ShapeReference, input: unknown, error: ErrorObject): Failure {
  let reference = root;
  let value = input;
  let path = '';
  const order: number[] = [];
  const segments = segmentsOf(error);
  const kind = KEYWORD_KINDS[error.keyword];

  for (const segment of segments) {
    const shape = shapeNamed(reference.shape);
    if (shape.type === 'structure') {
      order.push(Object.keys(shape.members).indexOf(segment));
      reference = shape.members[segment] ?? reference;
      path = path === '' ? memberName(segment) : `${path}.${memberName(segment)}`;
    } else if (shape.type === 'list' || shape.type === 'map') {
      const inner = shape.type === 'list' ? shape.member : shape.value;
      if (kind !== 'null' && shapeNamed(inner.shape).type !== 'structure') {
        const subject = shape.type === 'list' ? 'Member' : 'Map value';
        const constraint = `${subject} must satisfy constraint: ${allConstraints(inner.shape)}`;
        return { order: [...order, KINDS.length + 1], path, reference, value, constraint };
      }
      // A map's failures come in the order of its keys already, and sorting keeps that.
      const index = shape.type === 'list' ? Number(segment) : 0;
      order.push(KINDS.length + 2, index);
      reference = inner;
      path += shape.type === 'list' ? `.${index + 1}.member` : `.${segment}.member`;
    }
    value = (value as Record<string, unknown>)[segment];
  }

  const shape = shapeNamed(reference.shape);
  if (error.keyword === 'propertyNames' && shape.type === 'map') {
    const constraint = `Map keys must satisfy constraint: ${allConstraints(shape.key.shape)}`;
    return { order: [...order, KINDS.length], path, reference, value, constraint };
  }
  if (kind === undefined) throw new Error(`no AWS wording for the JSON Schema keyword ${error.keyword}`);
  return { order: [...order, KINDS.indexOf(kind)], path, reference, value, constraint: constraintText(shape, kind) };
}

function segmentsOf(error: ErrorObject): string[] {
  const segments = error.instancePath.split('/').slice(1);
  const names = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  return error.keyword === 'required' ? [...names, String(error.params.missingProperty)] : names;
}

function compareOrder(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
