import { expect, test } from 'vitest';
import { decodeInput } from '../../src/wire/type-errors.ts';

const start = (input: object) => decodeInput('StartSessionRequest', input);

test.each([
  ['a number for a string', { WorkGroup: 1 }, 'NUMBER_VALUE can not be converted to a String'],
  ['a fraction for a string', { WorkGroup: 1.5 }, 'DECIMAL_VALUE can not be converted to a String'],
  ['true for a string', { WorkGroup: true }, 'TRUE_VALUE can not be converted to a String'],
  ['a list for a string', { WorkGroup: [] }, 'Start of list found where not expected.'],
  ['a structure for a string', { WorkGroup: {} }, 'Start of structure or map found where not expected.'],
  ['a string for an integer', { SessionIdleTimeoutInMinutes: '5' }, 'STRING_VALUE can not be converted to an Integer'],
  ['false for an integer', { SessionIdleTimeoutInMinutes: false }, 'FALSE_VALUE can not be converted to an Integer'],
  [
    'a fraction for an integer',
    { SessionIdleTimeoutInMinutes: 5.5 },
    'DECIMAL_VALUE can not be converted to an Integer',
  ],
  ['2^31 for an integer', { SessionIdleTimeoutInMinutes: 2 ** 31 }, 'NUMBER_VALUE can not be converted to an Integer'],
  [
    '-2^31-1 for an integer',
    { SessionIdleTimeoutInMinutes: -(2 ** 31) - 1 },
    'NUMBER_VALUE can not be converted to an Integer',
  ],
  ['a string for a boolean', { CopyWorkGroupTags: 'true' }, 'STRING_VALUE can not be converted to a Boolean'],
  ['a list for a structure', { EngineConfiguration: [] }, 'Start of list found where not expected.'],
  [
    'a string for a structure',
    { EngineConfiguration: 'x' },
    'Unexpected token STRING_VALUE where a structure, map or list was expected.',
  ],
  ['a structure for a list', { Tags: {} }, 'Start of structure or map found where not expected.'],
  ['a string for a list', { Tags: 'x' }, 'Unexpected token STRING_VALUE where a structure, map or list was expected.'],
  ['a list for a map', { EngineConfiguration: { SparkProperties: [] } }, 'Start of list found where not expected.'],
  [
    'a number in a map',
    { EngineConfiguration: { SparkProperties: { 'spark.a': 1 } } },
    'NUMBER_VALUE can not be converted to a String',
  ],
  [
    'a number in a list of structures',
    { Tags: [1] },
    'Unexpected token NUMBER_VALUE where a structure, map or list was expected.',
  ],
])('%s', (_, input, message) => {
  expect(() => start(input)).toThrow(expect.objectContaining({ name: 'SerializationException', message }));
});

test.each([
  ['a value', '{"WorkGroup":"a\\ud800"}'],
  ['a low half before a high one', '{"WorkGroup":"\\ude00\\ud83d"}'],
  ['a value in a map', '{"EngineConfiguration":{"SparkProperties":{"spark.a":"\\udfff"}}}'],
  ['a key of a map', '{"EngineConfiguration":{"SparkProperties":{"spark.\\ud800":"a"}}}'],
])('half of a surrogate pair in %s is no String', (_, json) => {
  const message = 'STRING_VALUE with an unpaired surrogate can not be converted to a String';
  expect(() => start(JSON.parse(json))).toThrow(expect.objectContaining({ name: 'SerializationException', message }));
});

test('whole surrogate pairs are text', () => {
  const properties = { 'spark.\u{1f600}': '\u{10ffff}' };
  expect(start({ EngineConfiguration: { SparkProperties: properties } })).toEqual({
    EngineConfiguration: { SparkProperties: properties },
  });
});

test.each([[[]], ['text'], [7], [null], [true]])('an input that is no structure: %j', (input) => {
  expect(() => decodeInput('StartSessionRequest', input)).toThrow(
    expect.objectContaining({ name: 'SerializationException' }),
  );
});

test('null members are absent, unknown members are left out, on every level', () => {
  const input = {
    WorkGroup: 'a',
    Description: null,
    Unknown: 1,
    EngineConfiguration: { MaxConcurrentDpus: 2, Other: [] },
  };
  expect(start(input)).toEqual({ WorkGroup: 'a', EngineConfiguration: { MaxConcurrentDpus: 2 } });
});

test('the bounds of 32 bits are integers', () => {
  for (const value of [2 ** 31 - 1, -(2 ** 31)]) {
    expect(start({ SessionIdleTimeoutInMinutes: value })).toEqual({ SessionIdleTimeoutInMinutes: value });
  }
});

/** A member that is a `long`, as JSON brings it. */
const long = (json: string) =>
  decodeInput('CreateWorkGroupInput', JSON.parse(`{"Configuration":{"BytesScannedCutoffPerQuery":${json}}}`));

test.each(['0', '1099511627776', '9007199254740993', '-9223372036854775808', '9223372036854774784'])(
  '%s is a long',
  (json) => {
    expect(long(json)).toEqual({ Configuration: { BytesScannedCutoffPerQuery: Number(json) } });
  },
);

test('the greatest long is taken, and what is kept of it is a long too', () => {
  const decoded = long('9223372036854775807') as { Configuration: { BytesScannedCutoffPerQuery: number } };
  expect(BigInt(decoded.Configuration.BytesScannedCutoffPerQuery)).toBe(9_223_372_036_854_774_784n);
});

test.each([
  ['1e300', 'NUMBER_VALUE'],
  ['9223372036854777856', 'NUMBER_VALUE'],
  ['-9223372036854777856', 'NUMBER_VALUE'],
  ['1e999', 'DECIMAL_VALUE'],
  ['0.5', 'DECIMAL_VALUE'],
])('%s is no long', (json, token) => {
  const message = `${token} can not be converted to a Long`;
  expect(() => long(json)).toThrow(expect.objectContaining({ name: 'SerializationException', message }));
});

test('keys of maps that JavaScript knows stay keys', () => {
  const input = JSON.parse(
    '{"EngineConfiguration":{"SparkProperties":{"__proto__":"a","constructor":"b"}},"__proto__":{"WorkGroup":"x"}}',
  );
  const decoded = start(input) as { EngineConfiguration: { SparkProperties: object } };
  expect(Object.entries(decoded.EngineConfiguration.SparkProperties)).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  expect(decoded).not.toHaveProperty('WorkGroup');
});
