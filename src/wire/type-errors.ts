import { SerializationException } from '../errors.ts';
import { type NumberShape, type Shape, type StructureShape, shapeNamed } from './model.ts';

/**
 * What a number can be. A `long`'s upper bound, 2^63 - 1, has no double: JSON's reader makes 2^63 of it, which is therefore
 * let in.
 */
const RANGES = { integer: { min: -(2 ** 31), max: 2 ** 31 - 1 }, long: { min: -(2 ** 63), max: 2 ** 63 } };

/** The greatest double that is a long: what is kept of 2^63 - 1, so that no client reads back more than a long holds. */
const GREATEST_LONG = 2 ** 63 - 1024;

/**
 * Checks the JSON types of an operation's input against the model and returns what the model knows of it: unknown
 * members are left out, and so are members that are `null`, which AWS takes as absent. A `null` inside a list or a map
 * stays, for the constraints to refuse.
 * @throws SerializationException in AWS's wording, for the first value of a wrong type in the model's order
 */
export function decodeInput(shapeName: string, value: unknown): object {
  const shape = shapeNamed(shapeName);
  if (shape.type !== 'structure') throw new Error(`${shapeName} is no structure`);
  return decodeStructure(shape, value);
}

function decode(shapeName: string, value: unknown): unknown {
  if (value === null) return null;
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'structure':
      return decodeStructure(shape, value);
    case 'list':
      return listOf(value).map((item) => decode(shape.member.shape, item));
    case 'map': {
      const entries = Object.entries(objectOf(value));
      return Object.fromEntries(entries.map(([key, item]) => [wellFormed(key), decode(shape.value.shape, item)]));
    }
    default:
      return decodeSimple(shape, value);
  }
}

function decodeStructure(shape: StructureShape, value: unknown): object {
  const given = objectOf(value);
  const decoded: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(shape.members)) {
    const item = Object.hasOwn(given, name) ? given[name] : undefined;
    if (item !== undefined && item !== null) decoded[name] = decode(member.shape, item);
  }
  return decoded;
}

function decodeSimple(shape: Exclude<Shape, { type: 'structure' | 'list' | 'map' }>, value: unknown): unknown {
  if (Array.isArray(value)) throw new SerializationException('Start of list found where not expected.');
  if (typeof value === 'object') throw structureNotExpected();
  switch (shape.type) {
    case 'string':
    case 'blob':
      if (typeof value !== 'string') throw notConvertible(value, 'a String');
      return wellFormed(value);
    case 'boolean':
      if (typeof value !== 'boolean') throw notConvertible(value, 'a Boolean');
      return value;
    case 'timestamp':
      if (typeof value !== 'number') throw notConvertible(value, 'milliseconds since epoch');
      return new Date(value * 1000);
    default:
      return decodeNumber(shape.type, value);
  }
}

function decodeNumber(type: NumberShape['type'], value: unknown): number {
  const target = { integer: 'an Integer', long: 'a Long', double: 'a Double', float: 'a Float' }[type];
  if (typeof value !== 'number') throw notConvertible(value, target);
  if (type === 'double' || type === 'float') return value;
  const { min, max } = RANGES[type];
  if (!Number.isInteger(value) || value < min || value > max) throw notConvertible(value, target);
  return Math.min(value, GREATEST_LONG);
}

/**
 * JSON can escape half of a surrogate pair (`"\ud800"`). That is no text: UTF-8 has no bytes for it, and Python and the
 * databases behind refuse it in ways of their own.
 */
function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new SerializationException('STRING_VALUE with an unpaired surrogate can not be converted to a String');
}

function objectOf(value: unknown): Record<string, unknown> {
  if (Array.isArray(value)) throw new SerializationException('Start of list found where not expected.');
  if (typeof value !== 'object' || value === null) throw unexpected(value);
  return value as Record<string, unknown>;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw typeof value === 'object' ? structureNotExpected() : unexpected(value);
}

function structureNotExpected(): SerializationException {
  return new SerializationException('Start of structure or map found where not expected.');
}

function unexpected(value: unknown): SerializationException {
  return new SerializationException(`Unexpected token ${tokenOf(value)} where a structure, map or list was expected.`);
}

function notConvertible(value: unknown, target: string): SerializationException {
  return new SerializationException(`${tokenOf(value)} can not be converted to ${target}`);
}

/** The names that AWS's JSON parser gives its tokens. */
function tokenOf(value: unknown): string {
  if (typeof value === 'string') return 'STRING_VALUE';
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
  if (value === null) return 'NULL_VALUE';
  return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
}
