import { describe, expect, it } from 'vitest';
import { findViolations } from '../../scripts/lint-imports.mjs';

const messages = (file: string, source: string) => findViolations(file, source).map(({ message }) => message);

describe('the direction of imports', () => {
  it.each([
    ['sessions/a.ts', '../wire/server.ts', 'sessions may not import wire/server.ts'],
    ['operations/a.ts', '../drivers/drivers.ts', 'operations may not import drivers/drivers.ts'],
    ['wire/a.ts', '../sessions/states.ts', 'wire may not import sessions/states.ts'],
    ['wire/a.ts', '../objects/objects.ts', 'wire may not import objects/objects.ts'],
    ['store/a.ts', '../sessions/states.ts', 'store may not import sessions/states.ts'],
    ['drivers/a.ts', '../store/sessions.ts', 'drivers may not import store/sessions.ts'],
    ['objects/embedded/a.ts', '../../store/sessions.ts', 'objects may not import store/sessions.ts'],
    ['access/a.ts', '../operations/index.ts', 'access may not import operations/index.ts'],
    ['errors.ts', './access/keys.ts', 'errors.ts may not import access/keys.ts'],
    ['sessions/a.ts', '../main.ts', 'sessions may not import main.ts'],
    ['operations/a.ts', 'node:http', 'operations may not import node:http'],
    ['sessions/a.ts', 'node:child_process', 'sessions may not import node:child_process'],
    ['sessions/a.ts', 'kysely/migration', 'sessions may not import kysely/migration'],
    ['store/a.ts', 'zeromq', 'store may not import zeromq'],
    ['wire/a.ts', '@aws-sdk/client-s3', 'wire may not import @aws-sdk/client-s3'],
    ['sessions/a.ts', 'prom-client', 'sessions may not import prom-client'],
    ['drivers/a.ts', '@opentelemetry/api', 'drivers may not import @opentelemetry/api'],
    ['sessions/a.ts', '../telemetry/metrics.ts', 'sessions may not import telemetry/metrics.ts'],
  ])('refuses in %s an import of %s', (file, specifier, message) => {
    expect(messages(file, `import { x } from '${specifier}';\n`)).toEqual([message]);
  });

  it.each([
    ['wire/a.ts', '../operations/index.ts'],
    ['wire/s3/a.ts', '../sigv4.ts'],
    ['wire/s3/a.ts', '../../objects/objects.ts'],
    ['wire/s3/a.ts', '@aws-sdk/client-s3'],
    ['wire/s3/a.ts', 'node:http'],
    ['operations/a.ts', '../sessions/states.ts'],
    ['sessions/a.ts', '../drivers/driver.ts'],
    ['sessions/a.ts', './states.ts'],
    ['objects/embedded/a.ts', '../checksums.ts'],
    ['objects/embedded/a.ts', '../../store/sqlite.ts'],
    ['drivers/a.ts', '../runtime/runtime.ts'],
    ['store/a.ts', '../errors.ts'],
    ['sessions/a.ts', '../happenings.ts'],
    ['telemetry/a.ts', '@opentelemetry/api'],
    ['main.ts', './wire/server.ts'],
    ['sessions/a.ts', 'node:path'],
  ])('allows in %s an import of %s', (file, specifier) => {
    expect(messages(file, `import { x } from '${specifier}';\n`)).toEqual([]);
  });

  it.each([
    "import '../wire/a.ts';",
    "import type { A } from '../wire/a.ts';",
    "import {\n  a,\n  b,\n} from '../wire/a.ts';",
    "export { a } from '../wire/a.ts';",
    "export * from '../wire/a.ts';",
    "const a = await import('../wire/a.ts');",
    "import a, { b } from '../wire/a.ts';",
  ])('sees %j', (statement) => {
    expect(messages('store/b.ts', `const before = 1;\n${statement}\n`)).toEqual(['store may not import wire/a.ts']);
  });

  it('names the line', () => {
    expect(findViolations('store/b.ts', "import a from 'zod';\n\nimport {\n  b,\n} from '../wire/b.ts';\n")).toEqual([
      { line: 5, message: 'store may not import wire/b.ts' },
    ]);
  });

  it('wants every file of src to lie in a room', () => {
    expect(() => findViolations('helpers/a.ts', '')).toThrow('src/helpers/a.ts lies in no room');
  });
});
