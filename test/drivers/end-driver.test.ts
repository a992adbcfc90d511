import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeDriver } from '../../src/drivers/end-driver.ts';
import { DRIVER_FOLDER_VARIABLE, DRIVER_ID_VARIABLE, startTicks } from '../../src/drivers/processes.ts';

const NOBODY = 65_534;
const root = process.getuid?.() === 0;

let parent: string;
let folder: string;
let driverId: string;
let logged: { msg: string }[];
const logger = pino({ level: 'error' }, { write: (line: string) => void logged.push(JSON.parse(line)) });

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'parthenon-end-driver-'));
  driverId = randomUUID();
  folder = join(parent, driverId);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), '');
  logged = [];
});
afterEach(() => {
  chmodSync(parent, 0o700);
  rmSync(parent, { recursive: true, force: true });
});

/** Root may remove anything: as somebody who may not. */
async function withoutRights(work: () => Promise<void>): Promise<void> {
  if (root) process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

test('a folder that cannot be removed is logged and fails nothing', async () => {
  chmodSync(parent, 0o555);
  await withoutRights(() => removeDriver({ driverId, folder }, logger));
  expect(existsSync(folder)).toBe(true);
  expect(logged).toMatchObject([{ msg: 'the folder of a driver could not be removed', driverId }]);
});

test('a folder that code has taken its own rights to goes', async () => {
  const locked = join(folder, 'locked');
  mkdirSync(locked);
  writeFileSync(join(locked, 'file'), '');
  if (root) for (const path of [parent, folder, locked]) chownSync(path, NOBODY, NOBODY);
  chmodSync(locked, 0o500);
  await withoutRights(() => removeDriver({ driverId, folder }, logger));
  expect(existsSync(folder)).toBe(false);
  expect(logged).toEqual([]);
});

test('a process that starts others without end goes, they go with it, and none makes the folder again', async () => {
  const script = `while :; do mkdir -p "$0"; env -i sh -c 'mkdir -p "$0"; sleep 600' "$0" & sleep 0.01; done`;
  const environment = { ...process.env, [DRIVER_ID_VARIABLE]: driverId, [DRIVER_FOLDER_VARIABLE]: folder };
  const child = spawn('sh', ['-c', script, folder], { env: environment, detached: true, stdio: 'ignore' });
  const ended = once(child, 'exit');
  await removeDriver({ driverId, folder }, logger);
  await ended;
  expect(startTicks(child.pid as number)).toBeUndefined();
  expect(existsSync(folder)).toBe(false);
  expect(logged).toEqual([]);
});
