import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const launchModule = resolve(import.meta.dirname, '../../../scripts/setup/launch.mjs');

/** As on a Node that cannot exec, and as on one that can. */
describe.each([
  ['in a process of its own', 'delete process.execve;'],
  ['in the same process', ''],
])('become, %s', (_, prepare) => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'launch-'));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  function launch(program: string): ChildProcess {
    writeFileSync(join(folder, 'program.mjs'), program);
    writeFileSync(
      join(folder, 'launcher.mjs'),
      `${prepare}
       const { become } = await import(${JSON.stringify(launchModule)});
       become(process.execPath, [${JSON.stringify(join(folder, 'program.mjs'))}, 'an argument']);`,
    );
    child = spawn(process.execPath, [join(folder, 'launcher.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    return child;
  }

  it('hands on arguments, standard input and output, and the exit code', async () => {
    const launched = launch(`
      const said = await new Response(process.stdin).text();
      console.log(process.argv[2], said);
      process.exit(7);`);
    launched.stdin?.end('and input');
    const [[output], [code]] = await Promise.all([
      once(launched.stdout as NodeJS.ReadableStream, 'data'),
      once(launched, 'exit'),
    ]);
    expect(String(output)).toBe('an argument and input\n');
    expect(code).toBe(7);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('hands on %s, and waits for the orderly end', async (signal) => {
    const launched = launch(`
      process.on('${signal}', () => setTimeout(() => process.exit(5), 50));
      setInterval(() => {}, 1000);
      console.log('ready');`);
    await once(launched.stdout as NodeJS.ReadableStream, 'data');
    launched.kill(signal);
    expect(await once(launched, 'exit')).toEqual([5, null]);
  });

  it('ends by the signal that ended the program', async () => {
    const launched = launch(`setInterval(() => {}, 1000); console.log(process.pid);`);
    const [pid] = await once(launched.stdout as NodeJS.ReadableStream, 'data');
    process.kill(Number(String(pid)), 'SIGKILL');
    expect(await once(launched, 'exit')).toEqual([null, 'SIGKILL']);
  });
});
