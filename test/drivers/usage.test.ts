import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { usageOf } from '../../src/drivers/usage.ts';
import { until } from '../support/server.ts';

/** Python, with one below it that holds 200 MB and has worked for half a second of processor time. */
const BELOW = `
import os, sys, time
held = bytearray(200_000_000)
while time.process_time() < 0.5: pass
print("ready", flush=True)
sys.stdin.read()
`;
const ABOVE = `
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", ${JSON.stringify(BELOW)}], stdin=subprocess.PIPE)
sys.stdin.readline()
child.stdin.close()
child.wait()
print("waited", flush=True)
sys.stdin.read()
`;

async function start(): Promise<{ child: ChildProcess; pid: number; said: (word: string) => Promise<void> }> {
  const child = spawn('python3', ['-c', ABOVE], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  // An unbuffered Python writes a line in two pieces.
  const said = async (word: string) => await until(() => output.includes(word), 30_000);
  await said('ready');
  return { child, pid: child.pid as number, said };
}

test('memory and processor time are those of a process and all below it; time stays when one of them ends', async () => {
  const { child, pid, said } = await start();
  const before = (await usageOf([pid])).get(pid);
  expect(before?.memoryBytes).toBeGreaterThan(200e6);
  expect(before?.cpuSeconds).toBeGreaterThanOrEqual(0.5);
  child.stdin?.write('go\n');
  await said('waited');
  const after = (await usageOf([pid])).get(pid);
  expect(after?.memoryBytes).toBeLessThan(200e6);
  expect(after?.cpuSeconds).toBeGreaterThanOrEqual(before?.cpuSeconds ?? 0);
});

test('what has gone is not told', async () => {
  const { child, pid } = await start();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect((await usageOf([pid, process.pid])).has(pid)).toBe(false);
  expect((await usageOf([])).size).toBe(0);
});
