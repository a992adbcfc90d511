import { Ajv, type ValidateFunction } from 'ajv';
import { type Shape, type ShapeReference, shapeNamed } from './model.ts';

/** The constraints of the model's shapes as JSON Schema. Types are there too, and after `decodeInput` only `null` fails them. */
type JsonSchema = Readonly<Record<string, unknown>>;

export interface Validators {
  /** Stops at the first failure: the one for every call. */
  readonly first: ValidateFunction;
  /** Finds all of them; compiled when the first call fails. */
  readonly all: ValidateFunction;
}

const stopping = new Ajv({ verbose: true });
const thorough = new Ajv({ verbose: true, allErrors: true });
const validators = new Map<string, Validators>();

/** Compiled at first use: all 75 inputs take half a second together. */
export function validatorsOf(shapeName: string): Validators {
  let found = validators.get(shapeName);
  if (found === undefined) {
    const schema = schemaOf(shapeNamed(shapeName));
    let all: ValidateFunction | undefined;
    found = {
      first: stopping.compile(schema),
      get all() {
        all ??= thorough.compile(schema);
        return all;
      },
    };
    validators.set(shapeName, found);
  }
  return found;
}

/**
 * AWS matches a pattern against the whole value, as Java's `matches()` does, whether or not it is written with anchors
 * (`[a-zA-Z0-9._-]{1,128}` refuses `a b`). Every pattern of the model means the same under JavaScript's `u` flag, which
 * reads the surrogate pairs in them as the code points that Java sees.
 */
export function wholeValue(pattern: string): string {
  return `^(?:${pattern})$`;
}

function schemaOf(shape: Shape): JsonSchema {
  switch (shape.type) {
    case 'structure':
      return {
        type: 'object',
        properties: mapValues(shape.members, inline),
        required: shape.required ?? [],
      };
    case 'list':
      return { type: 'array', items: inline(shape.member), ...bounds('minItems', 'maxItems', shape) };
    case 'map':
      return {
        type: 'object',
        propertyNames: inline(shape.key),
        additionalProperties: inline(shape.value),
        ...bounds('minProperties', 'maxProperties', shape),
      };
    case 'string':
      return {
        type: 'string',
        ...bounds('minLength', 'maxLength', shape),
        ...(shape.pattern === undefined ? {} : { pattern: wholeValue(shape.pattern) }),
        ...(shape.enum === undefined ? {} : { enum: shape.enum }),
      };
    case 'integer':
    case 'long':
      return { type: 'integer', ...bounds('minimum', 'maximum', shape) };
    case 'double':
    case 'float':
      return { type: 'number', ...bounds('minimum', 'maximum', shape) };
    case 'boolean':
      return { type: 'boolean' };
    case 'timestamp':
      return {};
    case 'blob':
      return { type: 'string' };
  }
}

/**
 * Shapes are written out where they are used: behind a `$ref`, ajv copies all earlier errors at every further one. None
 * of Athena's inputs contains itself.
 */
function inline({ shape }: ShapeReference): JsonSchema {
  return schemaOf(shapeNamed(shape));
}

function bounds(minName: string, maxName: string, { min, max }: { min?: number; max?: number }): JsonSchema {
  return { ...(min === undefined ? {} : { [minName]: min }), ...(max === undefined ? {} : { [maxName]: max }) };
}

function mapValues<From, To>(of: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}
