import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainJsonLine } from '../src/json-line.ts';

test('a line says the same, and nothing in it is obeyed by a terminal or turns the text around it', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u009b31m', '\u2028', '\u202etxt.exe', '\x7f')),
      (text) => {
        const line = plainJsonLine(JSON.stringify({ text }));
        expect(JSON.parse(line)).toEqual({ text });
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      },
    ),
  );
});
