import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { sparkPropertiesPage } from '../../scripts/generate-spark-properties.ts';

it('docs/spark-properties.md says what the table says (npm run generate)', () => {
  const page = resolve(import.meta.dirname, '..', '..', 'docs', 'spark-properties.md');
  expect(readFileSync(page, 'utf8')).toBe(sparkPropertiesPage());
});
