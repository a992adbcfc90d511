import * as athena from '@aws-sdk/client-athena';
import { describe, expect, test } from 'vitest';
import { encodeOutput, operationSchema } from '../../src/wire/codec.ts';
import { model, shapeNamed } from '../../src/wire/model.ts';

/** The kinds of the SDK's schemas as the model's types. Numbers have one kind there. */
const SIMPLE_KINDS: Readonly<Record<number, string>> = {
  0: 'string',
  1: 'number',
  2: 'boolean',
  4: 'timestamp',
  21: 'blob',
};
const LIST_OF = 64;
const MAP_OF = 128;

/**
 * Members that AWS's model has and this version of the SDK has not. An update that brings them fails the test below:
 * take the line out then.
 */
const MODEL_ONLY: Readonly<Record<string, readonly string[]>> = {
  ListDatabasesInput: ['AttributesToGet'],
  ListTableMetadataInput: ['AttributesToGet'],
};

/**
 * An SDK schema as the model would have it: a type's name, or a structure's name and members, all the way down.
 * @param within structures around this one: one that contains itself is named and not opened again
 */
function fromSdk(schema: unknown, within: readonly string[] = []): unknown {
  if (typeof schema === 'function') return fromSdk(schema(), within);
  if (typeof schema === 'number') {
    if (schema >= MAP_OF) return { map: fromSdk(schema - MAP_OF) };
    return schema >= LIST_OF ? { list: fromSdk(schema - LIST_OF) } : (SIMPLE_KINDS[schema] ?? `kind ${schema}`);
  }
  const [kind, , name, , ...rest] = schema as [unknown, string, string, unknown, ...unknown[]];
  // A member with traits of its own: the schema and the traits.
  if ((schema as unknown[]).length === 2) return fromSdk(kind, within);
  if (kind === 0) return fromSdk(rest[0], within);
  if (kind === 1) return { list: fromSdk(rest[0], within) };
  if (kind === 2) return { map: fromSdk(rest[1], within) };
  if (within.includes(name)) return name;
  const [names, schemas, required] = rest as [string[], unknown[], number | undefined];
  const members = names.map((member, index) => [member, fromSdk(schemas[index], [...within, name])]);
  return { name, members: Object.fromEntries(members), required: names.slice(0, required ?? 0).sort() };
}

function fromModel(shapeName: string, within: readonly string[] = []): unknown {
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'structure': {
      if (within.includes(shapeName)) return shapeName;
      const inBoth = Object.entries(shape.members).filter(([name]) => !MODEL_ONLY[shapeName]?.includes(name));
      const members = inBoth.map(([name, member]) => [name, fromModel(member.shape, [...within, shapeName])]);
      // The SDK fills idempotency tokens in by itself and so requires them of nobody.
      const required = (shape.required ?? []).filter((name) => !shape.members[name]?.idempotencyToken);
      return { name: shapeName, members: Object.fromEntries(members), required: required.sort() };
    }
    case 'list':
      return { list: fromModel(shape.member.shape, within) };
    case 'map':
      return { map: fromModel(shape.value.shape, within) };
    case 'integer':
    case 'long':
    case 'double':
    case 'float':
      return 'number';
    default:
      return shape.type;
  }
}

describe('the model and @aws-sdk/client-athena agree', () => {
  test('on the operations', () => {
    const commands = Object.keys(athena).filter((name) => name.endsWith('Command') && name !== '$Command');
    expect(commands.map((name) => name.replace(/Command$/, '')).sort()).toEqual(Object.keys(model.operations).sort());
  });

  test.each(Object.entries(model.operations))('on every shape and member of %s', (name, { input, output }) => {
    const [, , , , inputSchema, outputSchema] = operationSchema(name);
    expect(fromSdk(inputSchema)).toEqual(fromModel(input));
    expect(withoutRequired(fromSdk(outputSchema))).toEqual(withoutRequired(fromModel(output)));
  });
});

/** The SDK does not track what is required of outputs alone. */
function withoutRequired(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner) => (key === 'required' ? undefined : inner)));
}

test('timestamps are epoch seconds with fractions, unknown and undefined members are left out', () => {
  const output = {
    SessionId: 's-1',
    Secret: 'x',
    Status: { State: 'IDLE', StartDateTime: new Date(1_700_000_000_123), EndDateTime: undefined, Inner: 1 },
  };
  expect(JSON.parse(encodeOutput('GetSessionStatus', output).toString())).toEqual({
    SessionId: 's-1',
    Status: { State: 'IDLE', StartDateTime: 1_700_000_000.123 },
  });
});

test('a reply stays what it was when the next one is encoded', () => {
  const first = encodeOutput('GetSessionStatus', { SessionId: 'first' });
  encodeOutput('GetSessionStatus', { SessionId: 'other' });
  expect(first.toString()).toBe('{"SessionId":"first"}');
});

test('text of any script survives', () => {
  const name = 'naïve \u{1F600} "quoted" \u0001';
  expect(JSON.parse(encodeOutput('GetSession', { Description: name }).toString())).toEqual({ Description: name });
});
