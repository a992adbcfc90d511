import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSessionPython, pipPaths, pipSettings, sessionEnvironment } from '../../src/drivers/session-python.ts';
import { locateRuntime } from '../../src/runtime/runtime.ts';
import { writeWheel } from '../support/wheels.ts';

/** With a space and as long as no kernel takes in the first line of a script. */
const NAME = `a driver ${'x'.repeat(150)}`;
let root: string;
let folder: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'session-python-'));
  folder = join(root, NAME);
  mkdirSync(join(folder, 'home'), { recursive: true });
  await createSessionPython(folder, locateRuntime().python);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs a command of the environment. */
function call(command: string, ...args: string[]): string {
  const env = { PATH: '/usr/bin:/bin', HOME: join(folder, 'home'), ...pipSettings({}) };
  return execFileSync(join(sessionEnvironment(folder), 'bin', command), args, { encoding: 'utf8', env }).trim();
}

describe('createSessionPython', () => {
  test('runs on the shared environment’s packages', () => {
    const code = 'import sys, cycler\nprint(sys.prefix, cycler.__file__, sep="\\n")';
    const [prefix, module] = call('python', '-c', code).split('\n');
    expect(prefix).toBe(sessionEnvironment(folder));
    expect(module?.startsWith(join(locateRuntime().python, '..', '..'))).toBe(true);
  });

  test('pip installs into it and takes away only what lies in it', () => {
    const wheel = writeWheel(root, 'cycler', '99.0', {
      files: { 'cycler.py': 'def main():\n    print("own")' },
      scripts: ['own-command = cycler:main'],
    });
    const installed = () => call('python', '-c', 'import cycler; print(hasattr(cycler, "main"))');
    expect(installed()).toBe('False');
    call('pip', 'install', '--quiet', '--no-index', wheel);
    expect(installed()).toBe('True');
    expect(call('own-command')).toBe('own');
    call('pip3', 'uninstall', '--quiet', 'cycler');
    expect(installed()).toBe('False');
    expect(call('python', '-m', 'pip', 'uninstall', 'cycler')).toContain('outside environment');
    expect(installed()).toBe('False');
  });

  test('has the list of fonts', () => {
    const code = 'import matplotlib, os\nprint(*os.listdir(matplotlib.get_cachedir()))';
    const list = call('python', '-c', code);
    expect(list).toMatch(/^fontlist-\S+\.json$/);
    expect(readFileSync(join(folder, 'home', '.cache', 'matplotlib', list), 'utf8')).toContain('DejaVu Sans');
  });
});

describe('pipSettings', () => {
  test('names the server’s own sources, and none with a password', () => {
    const settings = pipSettings({
      PIP_FIND_LINKS: '/packages',
      PIP_INDEX_URL: 'https://mirror.example/simple',
      PIP_EXTRA_INDEX_URL: 'https://other.example/simple https://me:secret@private.example/simple',
      PIP_TARGET: '/elsewhere',
    });
    expect(settings).toMatchObject({ PIP_FIND_LINKS: '/packages', PIP_INDEX_URL: 'https://mirror.example/simple' });
    expect(JSON.stringify(settings)).not.toContain('secret');
    expect(settings).not.toHaveProperty('PIP_TARGET');
  });

  test('the local ones among them are told', () => {
    const settings = pipSettings({
      PIP_FIND_LINKS: '/packages file:///other https://example.org/simple',
      PIP_CERT: '/ca.pem',
    });
    expect(pipPaths(settings)).toEqual(['/packages', '/other', '/ca.pem']);
  });
});
