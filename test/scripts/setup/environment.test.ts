import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { downloads, pythonEnvironment } from '../../../scripts/setup/environment.mjs';
import { runtimeFolder } from '../../../src/runtime/runtime.ts';

const MAKE_WHEEL = `
import sys, zipfile
path, value = sys.argv[1:]
with zipfile.ZipFile(path, 'w') as wheel:
    wheel.writestr('tiny.py', f'VALUE = {value}\\n')
    wheel.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')
    wheel.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('tiny-1.0.dist-info/RECORD', '')
`;

/** uv itself runs, offline, on a package in a folder. */
describe('pythonEnvironment', () => {
  let runtime: string;
  let lock: string;
  const progress = { update: () => {}, end: () => {} };
  const held = { noteChild: () => {} };

  beforeEach(() => {
    runtime = mkdtempSync(join(tmpdir(), 'environment-'));
    lock = join(runtime, 'lock.txt');
    mkdirSync(join(runtime, 'packages'));
    symlinkSync(join(runtimeFolder(), 'uv'), join(runtime, 'uv'));
    vi.stubEnv('UV_FIND_LINKS', join(runtime, 'packages'));
    vi.stubEnv('UV_NO_INDEX', '1');
    vi.stubEnv('UV_CACHE_DIR', join(runtime, 'cache'));
    writeFileSync(join(runtime, 'build.txt'), '');
    publish(1);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(runtime, { recursive: true });
  });

  /** Puts a package into the folder, and its hash into the lock. */
  function publish(value: number, hash?: string) {
    const wheel = join(runtime, 'packages', 'tiny-1.0-py3-none-any.whl');
    execFileSync('python3', ['-c', MAKE_WHEEL, wheel, String(value)]);
    const found = createHash('sha256').update(readFileSync(wheel)).digest('hex');
    writeFileSync(lock, `tiny==1.0 --hash=sha256:${hash ?? found}\n`);
  }
  const step = (imports = 'tiny') =>
    pythonEnvironment({ runtime, name: 'python', title: '', lock, buildLock: join(runtime, 'build.txt'), imports });
  const value = () =>
    execFileSync(join(runtime, 'python', 'bin', 'python'), ['-c', 'import tiny; print(tiny.VALUE)'], {
      encoding: 'utf8',
    }).trim();

  it('holds what the lock lists, and is done then', async () => {
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(step().isDone()).toBe(true);
    expect(value()).toBe('1');
    expect(dirname(step().folder())).toBe(join(runtime, 'environments'));
  });

  it('refuses a package whose hash is not that of the lock', async () => {
    publish(1, '0'.repeat(64));
    await expect(step().run(progress, held)).rejects.toThrow('Hash mismatch');
    expect(step().isDone()).toBe(false);
    expect(existsSync(join(runtime, 'python'))).toBe(false);
  });

  it('is not done when its modules do not import', async () => {
    await expect(step('tiny, nowhere').run(progress, held)).rejects.toThrow("No module named 'nowhere'");
    expect(step().isDone()).toBe(false);
  });

  it('makes an environment without a stamp anew: it was interrupted', async () => {
    await step().run(progress, held);
    const folder = step().folder();
    rmSync(join(folder, 'parthenon.json'));
    const [lib] = readdirSync(join(folder, 'lib'));
    // Removed first: uv's cache has the same file by another link.
    const module = join(folder, 'lib', String(lib), 'site-packages', 'tiny.py');
    rmSync(module);
    writeFileSync(module, 'VALUE =');
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(value()).toBe('1');
  });

  it('is made anew when the Python that it stands on has gone', async () => {
    await step().run(progress, held);
    const python = join(step().folder(), 'bin', 'python');
    rmSync(python);
    symlinkSync(join(runtime, 'gone'), python);
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(value()).toBe('1');
  });

  it('leaves the one before in place when the lock changes, for what still runs on it, and removes older ones', async () => {
    const folders = [];
    for (const next of [1, 2, 3]) {
      publish(next);
      rmSync(join(runtime, 'cache'), { recursive: true, force: true });
      expect(step().isDone()).toBe(false);
      await step().run(progress, held);
      expect(value()).toBe(String(next));
      folders.push(step().folder());
    }
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, true, true]);
  });

  it('replaces a folder that stands where its link belongs', async () => {
    mkdirSync(join(runtime, 'python', 'bin'), { recursive: true });
    await step().run(progress, held);
    expect(value()).toBe('1');
  });
});

describe('downloads', () => {
  it("counts the packages and bytes of uv's lines", () => {
    const said: string[] = [];
    const read = downloads({ update: (text) => said.push(text), end: () => {} });
    for (const line of [
      'Downloading numpy (17.4MiB)',
      'Downloading plotly (512.0KiB)',
      ' Downloaded plotly',
      'Resolved 2',
    ]) {
      read(line);
    }
    expect(said.at(-1)).toBe('fetched 1 of 2 large packages, 1 of 18 MiB');
  });

  it('says what takes the time after the last package', () => {
    const said: string[] = [];
    downloads({ update: (text) => said.push(text), end: () => {} })('Installed 75 packages in 326ms');
    expect(said).toEqual(['75 packages installed, compiling their modules']);
  });

  it('names what is built from source', () => {
    const said: string[] = [];
    downloads({ update: (text) => said.push(text), end: () => {} })('   Building pyspark==3.5.7');
    expect(said).toEqual(['fetching and building pyspark==3.5.7']);
  });
});
