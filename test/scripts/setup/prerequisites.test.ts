import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { java } from '../../../scripts/setup/java.mjs';
import { SetupProblem } from '../../../scripts/setup/problem.mjs';
import { findPython } from '../../../scripts/setup/python.mjs';
import { ensureUv } from '../../../scripts/setup/uv.mjs';
import { locateRuntime } from '../../../src/runtime/runtime.ts';

/** A machine on which PATH holds only what a test puts there. */
describe('what must be on the machine', () => {
  let machine: string;
  let path: string;
  const progress = { update: () => {}, end: () => {} };
  const ignore = () => {};

  beforeEach(() => {
    machine = mkdtempSync(join(tmpdir(), 'machine-'));
    path = join(machine, 'path');
    mkdirSync(path);
    for (const tool of ['sh', 'cat']) symlinkSync(join('/bin', tool), join(path, tool));
    vi.stubEnv('PATH', path);
    vi.stubEnv('JAVA_HOME', undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(machine, { recursive: true });
  });

  function program(name: string, script: string) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }

  describe('for uv', () => {
    it('asks for Python when there is none', async () => {
      const uv = ensureUv(machine, progress, ignore);
      await expect(uv).rejects.toThrow(SetupProblem);
      await expect(uv).rejects.toThrow(/^Python 3\.10 or later is needed and not on PATH; install it with: .+$/);
    });

    it('asks for venv when a Python has neither that nor pip', async () => {
      program(
        'python3',
        'case "$2" in pip) echo "No module named pip";; *) echo "ensurepip is not available";; esac; exit 1',
      );
      await expect(ensureUv(machine, progress, ignore)).rejects.toThrow(
        /python3 has neither pip nor venv; .+ apt-get install -y python3-venv$/,
      );
    });

    it('tells what pip said when it could not fetch uv', async () => {
      program('python3', 'echo "Could not find a version that satisfies the requirement"; exit 1');
      await expect(ensureUv(machine, progress, ignore)).rejects.toThrow('Could not find a version');
    });

    it('takes one from PATH where pip is of no help', async () => {
      program('python3', 'exit 1');
      program('uv', 'echo uv');
      expect((await ensureUv(machine, progress, ignore)).command).toBe(join(path, 'uv'));
    });
  });

  describe('for the environment', () => {
    it('prefers 3.11 to what python3 is', async () => {
      program('python3', 'printf "/usr/bin/python3.10\\n3.10\\n"');
      program('python3.11', 'printf "/usr/bin/python3.11\\n3.11\\n"');
      expect(await findPython('uv', process.env, ignore)).toBe('/usr/bin/python3.11');
    });

    it('passes over a Python that is too new, and asks for one when uv has none either', async () => {
      program('python3', 'printf "/usr/bin/python3.14\\n3.14\\n"');
      program('uv', 'exit 1');
      await expect(findPython(join(path, 'uv'), process.env, ignore)).rejects.toThrow(
        /need Python 3\.10, 3\.11 or 3\.12, none is on PATH .+ install one with: /,
      );
    });
  });

  describe('for Spark', () => {
    const javaStep = () => {
      writeFileSync(join(machine, 'java.lock.txt'), 'a-java==17 --hash=sha256:00\n');
      return java({ runtime: machine, lock: join(machine, 'java.lock.txt') });
    };

    it('takes the Java 17 of JAVA_HOME', async () => {
      vi.stubEnv('JAVA_HOME', join(locateRuntime().java, '..', '..'));
      const step = javaStep();
      expect(step.isDone()).toBe(false);
      await step.run(progress, { noteChild: ignore });
      expect(step.isDone()).toBe(true);
      expect(step.path()).toBe(locateRuntime().java);
    });

    it('looks anew when another Java has come', async () => {
      vi.stubEnv('JAVA_HOME', join(locateRuntime().java, '..', '..'));
      const step = javaStep();
      await step.run(progress, { noteChild: ignore });
      program('java', 'exit 1');
      expect(step.isDone()).toBe(false);
    });

    it('passes over a Java of another version, and asks for one when none can be fetched', async () => {
      program('java', 'echo "    java.home = /opt/java"; echo "    java.specification.version = 21"');
      program('python3', 'exit 1');
      program('uv', 'echo offline; exit 1');
      const run = javaStep().run(progress, { noteChild: ignore });
      await expect(run).rejects.toThrow(SetupProblem);
      await expect(run).rejects.toThrow(/^There is no Java 17 in JAVA_HOME or on PATH .+ install one with: /);
    });
  });
});
