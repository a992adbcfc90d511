import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { coveragePage } from '../../scripts/generate-coverage.ts';
import { builtOperations } from '../../src/operations/index.ts';
import model from '../../src/wire/model.json' with { type: 'json' };

const checkout = resolve(import.meta.dirname, '..', '..');

describe('the registry of operations', () => {
  it('has only operations of the model, each in the file of its name', () => {
    for (const name of builtOperations) {
      expect(Object.keys(model.operations)).toContain(name);
      expect(existsSync(resolve(checkout, 'src', 'operations', `${name}.ts`)), name).toBe(true);
    }
  });

  it('is what docs/coverage.md says', () => {
    expect(readFileSync(resolve(checkout, 'docs', 'coverage.md'), 'utf8')).toBe(coveragePage());
  });
});
