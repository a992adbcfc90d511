import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../../scripts/setup/lock.mjs';
import { processStart } from '../../../scripts/setup/process.mjs';

const lockModule = resolve(import.meta.dirname, '../../../scripts/setup/lock.mjs');
const processModule = resolve(import.meta.dirname, '../../../scripts/setup/process.mjs');

describe('withLock', () => {
  let folder: string;
  let children: ChildProcess[];
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'lock-')), 'setup.lock');
    children = [];
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Another process that runs `work` in the lock; resolves when it has said something. */
  async function another(work: string): Promise<{ child: ChildProcess; said: string }> {
    const code = `
      import { spawn } from 'node:child_process';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { withLock } from ${JSON.stringify(lockModule)};
      import { run } from ${JSON.stringify(processModule)};
      await withLock(${JSON.stringify(folder)}, async (lock) => { ${work} });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [data] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    return { child, said: String(data).trim() };
  }

  it('gives back what the work gives, and is free after it and after a failure', async () => {
    expect(await withLock(folder, async () => 7)).toBe(7);
    await expect(withLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(folder, async () => 8)).toBe(8);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('lets no two in at once', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(folder, work)));
    expect(most).toBe(1);
  });

  it('waits for a living owner, and says for which', async () => {
    const { child } = await another(`console.log('in'); await new Promise((done) => process.once('SIGUSR2', done));`);
    const waitedFor: number[] = [];
    const got = withLock(
      folder,
      async () => child.exitCode,
      ({ pid }) => {
        waitedFor.push(pid);
        child.kill('SIGUSR2');
      },
    );
    await got;
    expect(waitedFor).toEqual([child.pid]);
  });

  it('takes over from an owner that was killed', async () => {
    const { child } = await another(`console.log('in'); await sleep(60_000);`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await withLock(folder, async () => 'mine')).toBe('mine');
  });

  it('ends the command that a killed owner left running before it goes on', async () => {
    const { child, said } = await another(
      `await run('sleep', ['60'], { onStart: (pid) => { lock.noteChild(pid); console.log(pid); } });`,
    );
    const left = Number(said);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processStart(left)).toBeDefined();
    await withLock(folder, async () => expect(processStart(left)).toBeUndefined());
  });

  it('is not fooled by a process that got the id of a dead owner', async () => {
    await withLock(folder, async () => {});
    writeFileSync(join(folder, '100'), JSON.stringify({ pid: process.pid, start: '1', host: hostname() }));
    expect(await withLock(folder, async () => 'mine')).toBe('mine');
  });
});
