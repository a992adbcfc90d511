import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeSandbox, openSandbox, type SandboxView } from '../../../src/drivers/sandbox/sandbox.ts';
import { driverJars, locateRuntime } from '../../../src/runtime/runtime.ts';
import { noSandbox } from '../driver-fixture.ts';

let root: string;
let home: string;
let view: SandboxView;
let driver: { path: string; sockets: string };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parthenon-sandbox-'));
  home = join(root, 'home');
  const drivers = join(home, 'drivers');
  driver = { path: join(drivers, 'mine'), sockets: join(drivers, 'mine', 'k') };
  for (const folder of ['mine/tmp', 'mine/work', 'other'])
    mkdirSync(join(drivers, folder), { recursive: true, mode: 0o700 });
  mkdirSync(join(home, 'jars'));
  for (const file of ['home/state.db', 'home/jars/a.jar', 'home/drivers/other/key', 'beside'])
    writeFileSync(join(root, file), `content of ${file}`);
  view = viewWith([]);
});
afterEach(() => rmSync(root, { recursive: true }));

function viewWith(readable: readonly string[]): SandboxView {
  const runtime = locateRuntime();
  const drivers = join(home, 'drivers');
  return { ...runtime, jars: driverJars(runtime), readable, hidden: [home], drivers, sharedMemoryBytes: 2 ** 20 };
}

/** What a shell in the driver's sandbox says. */
function say(script: string, of: SandboxView = view): string {
  const [program, ...args] = makeSandbox(of).wrap(driver, ['/bin/sh', '-c', script]);
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return stdout + stderr;
}

describe.skipIf(noSandbox !== undefined)(`a sandbox${noSandbox ? ` (not run: ${noSandbox})` : ''}`, () => {
  test('has the folder of its driver to write, and a /tmp that lies in it', () => {
    expect(say('pwd; echo mine >file; echo temporary >/tmp/file; cat ../tmp/file /var/tmp/file')).toBe(
      `${driver.path}/work\ntemporary\ntemporary\n`,
    );
    expect(execFileSync('cat', [join(driver.path, 'work', 'file')], { encoding: 'utf8' })).toBe('mine\n');
  });

  test.each(['state.db', 'jars/a.jar', 'drivers/other/key'])('shows nothing else of the home: %s', (file) => {
    expect(say(`cat ${home}/${file}; ls ${home} ${home}/drivers`)).toContain('No such file');
  });

  test.each([
    ['the root', () => '/'],
    ['a folder above the home', () => root],
    ['the home itself', () => home],
    ['where drivers lie', () => join(home, 'drivers')],
    ['the folder of another driver', () => join(home, 'drivers', 'other')],
  ])('keeps the home hidden where sessions may read %s', (_what, path) => {
    const opened = viewWith([path()]);
    expect(say(`cat ${home}/state.db ${home}/drivers/other/key`, opened)).not.toContain('content of');
    const own = join(driver.path, 'work', 'file');
    expect(say(`echo x >${home}/new; echo mine >${own}; cat ${own}`, opened)).toMatch(/mine\n/);
    expect(say(`echo x 2>&1 >${home}/new || ls ${home}`, opened)).not.toContain('new\n');
  });

  test('keeps it hidden under another name, too', () => {
    symlinkSync(root, join(root, 'alias'));
    const opened = viewWith([join(root, 'alias')]);
    const alias = join(root, 'alias');
    expect(say(`cat ${alias}/beside; cat ${alias}/home/state.db`, opened)).toMatch(/^content of beside.*No such file/s);
  });

  test('shows what operators let sessions read, to read', () => {
    const opened = viewWith([root, join(home, 'jars'), join(root, 'nothing')]);
    expect(say(`cat ${root}/beside ${home}/jars/a.jar`, opened)).toBe('content of besidecontent of home/jars/a.jar');
    expect(say(`echo x >>${root}/beside`, opened)).toContain('Read-only file system');
    expect(say(`echo x >>${home}/jars/a.jar`, opened)).toContain('Read-only file system');
  });

  test('runs the Python and the Java of drivers', () => {
    const { python, java } = locateRuntime();
    expect(say(`${python} -c 'import pyspark; print("imported")'; ${java} -version 2>&1 | head -1`)).toMatch(
      /^imported\nopenjdk version/,
    );
  });

  test('has no room but there: nothing can be written beside, and shared memory is bounded', () => {
    expect(say('for each in "" /dev /etc /usr /var; do echo x >$each/new; done')).toBe(
      ['/new', '/dev/new', '/etc/new', '/usr/new', '/var/new']
        .map((each) => `/bin/sh: 1: cannot create ${each}: Read-only file system\n`)
        .join(''),
    );
    expect(say('head -c 2000000 /dev/zero >/dev/shm/large')).toContain('No space left');
  });
});

test('what cannot work is said in one sentence, with what helps', async () => {
  const path = process.env.PATH;
  process.env.PATH = root;
  try {
    await expect(openSandbox(view)).rejects.toThrow(
      /^bubblewrap is not installed\. Install it as root: \S.*bubblewrap$/,
    );
    writeFileSync(
      join(root, 'bwrap'),
      '#!/bin/sh\n[ "$1" = --version ] || echo "bwrap: setting up uid map: Permission denied" >&2\n[ "$1" = --version ] && echo bubblewrap 9\n',
      { mode: 0o755 },
    );
    await expect(openSandbox(view)).rejects.toThrow(
      'bubblewrap 9 cannot make a sandbox here: bwrap: setting up uid map: Permission denied. This system does not let its users make namespaces; docs/operators/isolation.md says how to allow it',
    );
  } finally {
    process.env.PATH = path;
  }
});
