import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shapeNamed } from '../../src/wire/model.ts';
import { decodeInput } from '../../src/wire/type-errors.ts';
import { validateInput } from '../../src/wire/validation.ts';
import {
  brokenConstraints,
  constraintList,
  OPERATIONS,
  PATTERN_BREAKER,
  printed,
  validValue,
  valuesAtBounds,
} from './model-values.ts';

/** One place in an operation's input, and how AWS's messages name it. */
interface Site {
  readonly path: string;
  readonly shape: string;
  readonly required: boolean;
  /** A copy of the input with another value there; `undefined` takes the member out. */
  readonly put: (input: unknown, value: unknown) => unknown;
}

function sitesOf(shapeName: string, path = '', put: Site['put'] = (_, value) => value): Site[] {
  const shape = shapeNamed(shapeName);
  if (shape.type === 'structure') {
    return Object.entries(shape.members).flatMap(([name, member]) => {
      const memberPath = `${path === '' ? '' : `${path}.`}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      const putMember: Site['put'] = (input, value) => put(input, { ...at(input, path), [name]: value });
      const required = shape.required?.includes(name) ?? false;
      const site = { path: memberPath, shape: member.shape, required, put: putMember };
      return [site, ...sitesOf(member.shape, memberPath, putMember)];
    });
  }
  if (shape.type === 'list' && shapeNamed(shape.member.shape).type === 'structure') {
    const putItem: Site['put'] = (input, value) => put(input, [value]);
    return sitesOf(shape.member.shape, `${path}.1.member`, putItem);
  }
  return [];
}

/** The structure that stands at a path of AWS's messages. */
function at(input: unknown, path: string): object {
  let value = input;
  for (const segment of path.split('.').filter((part) => part !== '' && part !== 'member')) {
    const name = /^\d+$/.test(segment) ? Number(segment) - 1 : nameIn(value, segment);
    value = Reflect.get(value as object, name);
  }
  return value as object;
}

function nameIn(value: unknown, segment: string): string {
  const name = Object.keys(value as object).find((key) => key.charAt(0).toLowerCase() + key.slice(1) === segment);
  return name ?? expect.unreachable(`${segment} is not in ${JSON.stringify(value)}`);
}

function messageOf(inputShape: string, input: unknown): string | undefined {
  try {
    validateInput(inputShape, decodeInput(inputShape, input));
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'InvalidRequestException', members: { AthenaErrorCode: 'INVALID_INPUT' } });
    return (error as Error).message;
  }
}

function expected(failures: readonly string[]): string | undefined {
  if (failures.length === 0) return undefined;
  return `${failures.length} validation error${failures.length > 1 ? 's' : ''} detected: ${failures.join('; ')}`;
}

const failure = (shown: string, path: string, constraint: string) =>
  `${shown} at '${path}' failed to satisfy constraint: ${constraint}`;

function shownValue(shape: string, value: unknown): string {
  const text = printed({ shape }, value);
  return `Value '${text.length > 131_072 ? `${text.slice(0, 131_072)}…` : text}'`;
}

describe.each(OPERATIONS)('$name', ({ input }) => {
  const complete = validValue(input, true);
  const sites = sitesOf(input);

  test('accepts whatever the model allows', () => {
    fc.assert(
      fc.property(validValue(input, false), (value) => {
        expect(messageOf(input, value)).toBeUndefined();
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(complete, (value) => {
        expect(messageOf(input, value)).toBeUndefined();
      }),
      { numRuns: 10 },
    );
  });

  test('holds every bound of every member from both sides', () => {
    fc.assert(
      fc.property(complete, (valid) => {
        for (const { path, shape, put } of sites) {
          for (const value of valuesAtBounds(shape)) {
            const broken = brokenConstraints(shapeNamed(shape), value);
            const failures = broken.map((constraint) => failure(shownValue(shape, value), path, constraint));
            expect(messageOf(input, put(valid, value))).toBe(expected(failures));
          }
        }
      }),
      { numRuns: 2 },
    );
  });

  test('misses exactly the required members, whether absent or null', () => {
    fc.assert(
      fc.property(complete, fc.constantFrom(null, undefined), (valid, nothing) => {
        for (const { path, required, put } of sites) {
          const failures = required ? [failure('Value null', path, 'Member must not be null')] : [];
          expect(messageOf(input, put(valid, nothing))).toBe(expected(failures));
        }
      }),
      { numRuns: 5 },
    );
  });

  test('names the constraints of what is in lists and maps', () => {
    const [valid] = fc.sample(complete, { numRuns: 1, seed: 11 });
    for (const { path, shape: shapeName, put } of sites) {
      for (const { value, constraint } of brokenCollections(shapeName)) {
        const failures = [failure(shownValue(shapeName, value), path, constraint)];
        expect(messageOf(input, put(valid, value))).toBe(expected(failures));
      }
    }
  });
});

/** Lists and maps of one element that breaks its own constraints. */
function brokenCollections(shapeName: string): { value: unknown; constraint: string }[] {
  const shape = shapeNamed(shapeName);
  if (shape.type === 'list' && shapeNamed(shape.member.shape).type === 'string') {
    const member = shapeNamed(shape.member.shape);
    const constraint = `Member must satisfy constraint: ${constraintList(member)}`;
    return brokenStrings(shape.member.shape).map((text) => ({ value: [text], constraint }));
  }
  if (shape.type !== 'map') return [];
  const [[goodKey, goodValue] = ['', '']] = fc
    .sample(validValue(shapeName, true), { numRuns: 1, seed: 3 })
    .map((sample) => Object.entries(sample as object)[0] ?? ['', '']);
  const keys = brokenStrings(shape.key.shape).map((text) => ({
    value: { [text]: goodValue },
    constraint: `Map keys must satisfy constraint: ${constraintList(shapeNamed(shape.key.shape))}`,
  }));
  const values = brokenStrings(shape.value.shape).map((text) => ({
    value: { [goodKey]: text },
    constraint: `Map value must satisfy constraint: ${constraintList(shapeNamed(shape.value.shape))}`,
  }));
  return [...keys, ...values];
}

function brokenStrings(shapeName: string): string[] {
  const shape = shapeNamed(shapeName);
  if (shape.type !== 'string') return [];
  const candidates = [...valuesAtBounds(shapeName), PATTERN_BREAKER].map(String);
  return candidates.filter((text) => brokenConstraints(shape, text).length > 0);
}

test('every constrained shape of every input is put to its bounds', () => {
  const reachable = new Set<string>();
  const reach = (name: string): void => {
    reachable.add(name);
    for (const inner of partsOf(name).filter((part) => !reachable.has(part))) reach(inner);
  };
  const tested = new Set<string>();
  for (const { input } of OPERATIONS) {
    reach(input);
    for (const { shape } of sitesOf(input)) for (const name of [shape, ...partsOf(shape)]) tested.add(name);
  }
  const constrained = (name: string): boolean => {
    return ['min', 'max', 'pattern', 'enum'].some((constraint) => constraint in shapeNamed(name));
  };
  expect([...reachable].filter((name) => constrained(name) && !tested.has(name))).toEqual([]);
  expect(OPERATIONS).toHaveLength(75);
});

function partsOf(name: string): string[] {
  const shape = shapeNamed(name);
  if (shape.type === 'structure') return Object.values(shape.members).map((member) => member.shape);
  if (shape.type === 'list') return [shape.member.shape];
  return shape.type === 'map' ? [shape.key.shape, shape.value.shape] : [];
}

test('a pattern holds for the whole value, as on AWS', () => {
  const constraint = 'Member must satisfy regular expression pattern: [a-zA-Z0-9._-]{1,128}';
  for (const name of ['a b', ' a', 'a\n', 'a'.repeat(129)]) {
    expect(messageOf('GetWorkGroupInput', { WorkGroup: name })).toBe(
      expected([failure(`Value '${name}'`, 'workGroup', constraint)]),
    );
  }
});

test('several failures are told together, in the order of the model', () => {
  const input = {
    SessionIdleTimeoutInMinutes: 481,
    ClientRequestToken: 'short',
    EngineConfiguration: { MaxConcurrentDpus: 1, CoordinatorDpuSize: 2 },
  };
  expect(messageOf('StartSessionRequest', input)).toBe(
    '5 validation errors detected: ' +
      "Value null at 'workGroup' failed to satisfy constraint: Member must not be null; " +
      "Value '2' at 'engineConfiguration.coordinatorDpuSize' failed to satisfy constraint: Member must have value less than or equal to 1; " +
      "Value '1' at 'engineConfiguration.maxConcurrentDpus' failed to satisfy constraint: Member must have value greater than or equal to 2; " +
      "Value '481' at 'sessionIdleTimeoutInMinutes' failed to satisfy constraint: Member must have value less than or equal to 480; " +
      "Value 'short' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 32",
  );
});

test('a null inside a list is a failure of its own', () => {
  const input = { ResourceARN: 'arn:aws:athena:::workgroup/a', Tags: [{ Key: 'a' }, null] };
  expect(messageOf('TagResourceInput', input)).toBe(
    "1 validation error detected: Value null at 'tags.2.member' failed to satisfy constraint: Member must not be null",
  );
});

test('a long list of bad strings is one failure, and a long list of bad structures does not make a message without end', () => {
  const strings = { NamedQueryIds: Array.from({ length: 10_000 }, () => '') };
  expect(messageOf('BatchGetNamedQueryInput', strings)).toMatch(/^2 validation errors detected: /);
  const tags = { ResourceARN: 'arn', Tags: Array.from({ length: 1000 }, () => ({ Key: '' })) };
  const message = messageOf('TagResourceInput', tags) ?? '';
  expect(message).toMatch(/^1000 validation errors detected: /);
  expect(message.match(/failed to satisfy/g)).toHaveLength(100);
});

test('one bad element behind thousands of good ones is found', () => {
  const good = Array.from({ length: 5000 }, () => ({ Key: 'a' }));
  const message = messageOf('TagResourceInput', { ResourceARN: 'arn', Tags: [...good, { Key: '' }] });
  expect(message).toMatch(/^1 validation error detected: Value '' at 'tags\.5001\.member\.key' /);
});
