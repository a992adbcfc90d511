import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { classData } from '../../../scripts/setup/class-data.mjs';
import { locateRuntime } from '../../../src/runtime/runtime.ts';

describe('classData', () => {
  let runtime: string;
  beforeEach(() => {
    runtime = mkdtempSync(join(tmpdir(), 'class-data-'));
  });
  afterEach(() => rmSync(runtime, { recursive: true }));

  const step = (jars: readonly string[] = [], python = '/bin/false') => {
    const { java, sparkHome } = locateRuntime();
    return classData({
      runtime,
      locks: [],
      python: () => python,
      java: () => java,
      sparkHome: () => sparkHome,
      jars: () => jars,
    });
  };
  const announced = { update: () => undefined, end: () => undefined };
  const held = { noteChild: () => undefined };
  const run = (made: ReturnType<typeof step>) => made.run(announced as never, held as never);

  it('is another for other jars', () => {
    const made = join(runtime, 'class-data');
    mkdirSync(made);
    writeFileSync(step(['/a.jar']).file(), '');
    expect([step(['/a.jar']).isDone(), step(['/b.jar']).isDone()]).toEqual([true, false]);
    expect([step(['/a.jar']).path(), step(['/b.jar']).path()]).toEqual([step(['/a.jar']).file(), null]);
  });

  it('does not keep a server from starting when it cannot be made, and is not tried again before something changes', async () => {
    expect(await run(step())).toMatch(/^not made; .*\.failed$/);
    expect([step().isDone(), step().path()]).toEqual([true, null]);
    expect(readFileSync(`${step().file()}.failed`, 'utf8')).toContain('/bin/false exited with 1');
    expect(step(['/other.jar']).isDone()).toBe(false);
  });

  it('takes the place of those before', async () => {
    await run(step(['/earlier.jar']));
    const python = join(runtime, 'python.sh');
    writeFileSync(python, '#!/bin/sh\necho made > "$3/classes.jsa"\n', { mode: 0o755 });
    await run(step([], python));
    expect(readdirSync(join(runtime, 'class-data'))).toHaveLength(1);
    expect(existsSync(step().file())).toBe(true);
  });
});
