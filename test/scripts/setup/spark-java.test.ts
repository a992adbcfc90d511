import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sparkJava } from '../../../scripts/setup/spark-java.mjs';
import { locateRuntime } from '../../../src/runtime/runtime.ts';

/** The compiler itself runs. */
describe('sparkJava', () => {
  let folder: string;
  const progress = { update: () => {}, end: () => {} };
  const held = { noteChild: () => {} };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spark-java-'));
    mkdirSync(join(folder, 'jars'));
    writeFileSync(join(folder, 'lock'), 'one');
    writeSource('first', 'example/First.java', first('first'));
    writeSource(
      'second',
      'example/more/Second.java',
      `package example.more;
public class Second {
    public static void main(String[] arguments) {
        System.out.println(new example.First() + " and second");
    }
}`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const first = (text: string) =>
    `package example; public class First { public String toString() { return "${text}"; } }`;

  function writeSource(root: string, file: string, text: string) {
    mkdirSync(join(folder, 'sources', root, file, '..'), { recursive: true });
    writeFileSync(join(folder, 'sources', root, file), text);
  }
  function step(runtime = join(folder, 'runtime')) {
    const { java, sparkHome } = locateRuntime();
    return sparkJava({
      runtime,
      sources: join(folder, 'sources'),
      locks: [join(folder, 'lock')],
      java: () => java,
      sparkHome: () => sparkHome,
      jars: () => join(folder, 'jars'),
    });
  }
  const output = () =>
    execFileSync(locateRuntime().java, ['-cp', join(step().folder(), '*'), 'example.more.Second'], {
      encoding: 'utf8',
    });

  it('makes a jar of each folder, which may use one another', async () => {
    expect(step().isDone()).toBe(false);
    expect(await step().run(progress, held)).toBe('parthenon-first.jar, parthenon-second.jar');
    expect(step().isDone()).toBe(true);
    expect(output()).toBe('first and second\n');
  });

  it('makes them again, beside those of before, when a source changes or what it is compiled against', async () => {
    await step().run(progress, held);
    const before = step().folder();
    writeSource('first', 'example/First.java', first('other'));
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(output()).toBe('other and second\n');
    expect(existsSync(before)).toBe(true);
    writeFileSync(join(folder, 'lock'), 'two');
    expect(step().isDone()).toBe(false);
  });

  it('makes the same bytes of the same sources', async () => {
    const others = step(join(folder, 'other-runtime'));
    await step().run(progress, held);
    await others.run(progress, held);
    for (const name of readdirSync(step().folder()))
      expect(readFileSync(join(step().folder(), name)).equals(readFileSync(join(others.folder(), name)))).toBe(true);
  });

  it('tells a mistake by file and line, leaves nothing in place, and goes on from there', async () => {
    writeSource('first', 'example/First.java', 'package example;\npublic class First { int n = "text"; }');
    await expect(step().run(progress, held)).rejects.toThrow(/First\.java', Line 2, /);
    expect(step().isDone()).toBe(false);
    writeSource('first', 'example/First.java', first('right'));
    await step().run(progress, held);
    expect(output()).toBe('right and second\n');
    expect(readdirSync(join(folder, 'runtime', 'own-jars'))).toEqual([basename(step().folder())]);
  });
});
