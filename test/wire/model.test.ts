import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelOf } from '../../scripts/generate-model.ts';
import { model, operationNamed, shapeNamed } from '../../src/wire/model.ts';
import { wholeValue } from '../../src/wire/schema.ts';

const text = readFileSync(join(import.meta.dirname, '../../src/wire/model.json'), 'utf8');

test('all 75 operations are there, and every reference has its shape', () => {
  expect(Object.keys(model.operations)).toHaveLength(75);
  for (const { input, output, errors } of Object.values(model.operations)) {
    for (const name of [input, output, ...errors]) expect(shapeNamed(name).type).toBe('structure');
  }
});

test('the file holds constraints and no prose', () => {
  expect(shapeNamed('CodeBlock')).toEqual({ type: 'string', max: 68_000 });
  expect(text).not.toMatch(/documentation|<p>|deprecatedMessage/);
  expect(model.generatedBy).toMatch(/^scripts\/generate-model\.ts from botocore \d/);
});

test('every pattern means something under the u flag', () => {
  for (const shape of Object.values(model.shapes)) {
    if (shape.type === 'string' && shape.pattern)
      expect(() => new RegExp(wholeValue(shape.pattern ?? ''), 'u')).not.toThrow();
  }
});

test('names that every object has are no operations', () => {
  for (const name of ['toString', '__proto__', 'constructor', '']) expect(operationNamed(name)).toBeUndefined();
});

test('generation sorts, keeps the order of members, and drops what is not the contract', () => {
  const service = {
    version: '2.0',
    documentation: '<p>Prose</p>',
    metadata: { apiVersion: '2017-05-18', targetPrefix: 'AmazonAthena', uid: 'x' },
    operations: {
      Stop: {
        name: 'Stop',
        input: { shape: 'In' },
        output: { shape: 'In' },
        errors: [{ shape: 'Bad' }],
        idempotent: true,
      },
      Act: { name: 'Act', input: { shape: 'In' }, output: { shape: 'In' }, documentation: '<p>Prose</p>' },
    },
    shapes: {
      Text: { type: 'string', min: 1, documentation: '<p>Prose</p>' },
      In: {
        type: 'structure',
        members: { Z: { shape: 'Text', documentation: '<p>Prose</p>' }, A: { shape: 'Text', idempotencyToken: true } },
        required: ['Z'],
      },
    },
  };
  const { generatedBy, ...generated } = JSON.parse(modelOf(service));
  expect(generatedBy).toMatch(/botocore/);
  expect(JSON.stringify(generated)).toBe(
    JSON.stringify({
      metadata: { apiVersion: '2017-05-18', targetPrefix: 'AmazonAthena' },
      operations: {
        Act: { input: 'In', output: 'In', errors: [] },
        Stop: { input: 'In', output: 'In', errors: ['Bad'], idempotent: true },
      },
      shapes: {
        In: {
          type: 'structure',
          required: ['Z'],
          members: { Z: { shape: 'Text' }, A: { shape: 'Text', idempotencyToken: true } },
        },
        Text: { type: 'string', min: 1 },
      },
    }),
  );
});

test('what was generated, generated again, is the same bytes', () => {
  expect(`${JSON.stringify(JSON.parse(text), null, 1)}\n`).toBe(text);
});
