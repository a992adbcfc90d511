import { expect, test } from 'vitest';
import { shownValue } from '../../src/wire/constraint-text.ts';

test('a sensitive value is not shown', () => {
  expect(shownValue({ shape: 'CodeBlock', sensitive: true }, 'password')).toBe('Value');
  expect(shownValue({ shape: 'CodeBlock' }, 'text')).toBe("Value 'text'");
});

test('a value that is absent is null, whatever its shape', () => {
  expect(shownValue({ shape: 'CodeBlock', sensitive: true }, undefined)).toBe('Value null');
});

test('collections are printed as Java prints them', () => {
  expect(shownValue({ shape: 'TagList' }, [{ Key: 'a', Value: 'b' }, null, { Key: 'c' }])).toBe(
    "Value '[Tag(key=a, value=b), null, Tag(key=c)]'",
  );
  expect(shownValue({ shape: 'ParametersMap' }, { 'spark.a': '1', 'spark.b': '2' })).toBe(
    "Value '{spark.a=1, spark.b=2}'",
  );
});

test('a value that would fill the reply is cut', () => {
  expect(shownValue({ shape: 'CodeBlock' }, 'x'.repeat(200_000))).toBe(`Value '${'x'.repeat(131_072)}…'`);
});
