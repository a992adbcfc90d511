import { Ajv, type ValidateFunction } from 'ajv';
import { model, type Shape } from './model.ts';

/** The constraints of the model's shapes as JSON Schema. Types are there too, and after `decodeInput` only `null` fails them. */
type JsonSchema = Readonly<Record<string, unknown>>;

const SCHEMA_ID = 'athena';

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
ajv.addSchema({
  $id: SCHEMA_ID,
  $defs: Object.fromEntries(Object.entries(model.shapes).map(([name, shape]) => [name, schemaOf(shape)])),
});

/** Compiled at first use: all 75 take half a second together. */
export function validatorOf(shapeName: string): ValidateFunction {
  const validate = ajv.getSchema(`${SCHEMA_ID}#/$defs/${shapeName}`);
  if (validate === undefined) throw new Error(`the model has no shape ${shapeName}`);
  return validate;
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
        properties: mapValues(shape.members, (member) => reference(member.shape)),
        required: shape.required ?? [],
      };
    case 'list':
      return { type: 'array', items: reference(shape.member.shape), ...bounds('minItems', 'maxItems', shape) };
    case 'map':
      return {
        type: 'object',
        propertyNames: reference(shape.key.shape),
        additionalProperties: reference(shape.value.shape),
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

function reference(shapeName: string): JsonSchema {
  return { $ref: `#/$defs/${shapeName}` };
}

function bounds(minName: string, maxName: string, { min, max }: { min?: number; max?: number }): JsonSchema {
  return { ...(min === undefined ? {} : { [minName]: min }), ...(max === undefined ? {} : { [maxName]: max }) };
}

function mapValues<From, To>(of: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));
}
