import { expect, test } from 'vitest';
import { MAX_VALUES, parseJsonBody } from '../../src/wire/json-body.ts';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));
const properties = (count: number) => ({
  EngineConfiguration: {
    SparkProperties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`spark.a${index}`, 'b'])),
  },
});

test('an empty body is an empty input', () => {
  expect(parse('')).toEqual({});
});

test.each([
  '{',
  '{"Password":"geheim"',
  "{'Password':'geheim'}",
  '{"Password":"geheim"} x',
  'geheim',
  '\u0000',
  '{"a":1,}',
])('what is no JSON is told so without being repeated: %s', (text) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({ name: 'SerializationException', message: 'The request body is not valid JSON.' }),
  );
});

test('bytes that are no UTF-8', () => {
  expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow(
    expect.objectContaining({ name: 'SerializationException', message: 'The request body is not valid UTF-8.' }),
  );
});

// Three structures open, and every property but the first has its comma.
test.each([0, 1, 1000, MAX_VALUES - 2])('%i Spark properties are read', (count) => {
  expect(parse(JSON.stringify(properties(count)))).toEqual(properties(count));
});

test.each([
  ['Spark properties', JSON.stringify(properties(MAX_VALUES))],
  ['members of a list', `[${'0,'.repeat(MAX_VALUES)}0]`],
  ['lists in lists', '['.repeat(MAX_VALUES + 1)],
  ['structures in a list', `{"Tags":[${'{},'.repeat(MAX_VALUES / 2)}{}]}`],
])('more %s than one request may hold', (_, text) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({
      name: 'InvalidRequestException',
      message: 'The request holds too many values: its lists, maps and structures may have 10000 together.',
    }),
  );
});

test('what strings hold is not counted, escaped quotes and backslashes included', () => {
  const input = { Payload: '[{"a":1},'.repeat(MAX_VALUES), Other: `${'\\'.repeat(MAX_VALUES)}",`, Last: ['"', '\\'] };
  expect(parse(JSON.stringify(input))).toEqual(input);
});
