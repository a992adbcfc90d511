import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRegularFile, readSmallFile } from '../src/regular-files.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-regular-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a regular file is opened', async () => {
  writeFileSync(join(folder, 'file'), 'content');
  await using file = await openRegularFile(join(folder, 'file'));
  expect(await file.readFile('utf8')).toBe('content');
});

test('a symbolic link is not followed', async () => {
  symlinkSync('/etc/passwd', join(folder, 'link'));
  await expect(openRegularFile(join(folder, 'link'))).rejects.toThrow('ELOOP');
});

test('a pipe that nobody writes to is refused at once', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await expect(openRegularFile(join(folder, 'pipe'))).rejects.toThrow('is not a regular file');
});

test('folders, sockets and devices are refused', async () => {
  mkdirSync(join(folder, 'folder'));
  const server = createServer();
  await new Promise<void>((listening) => server.listen(join(folder, 'socket'), listening));
  for (const path of [join(folder, 'folder'), join(folder, 'socket'), '/dev/zero']) {
    await expect(openRegularFile(path)).rejects.toThrow();
  }
  server.close();
});

test('what is missing is ENOENT', async () => {
  await expect(openRegularFile(join(folder, 'nothing'))).rejects.toThrow('ENOENT');
});

test('a small file is read as text, a longer one is refused', async () => {
  writeFileSync(join(folder, 'small'), 'grüße');
  expect(await readSmallFile(join(folder, 'small'), 7)).toBe('grüße');
  await expect(readSmallFile(join(folder, 'small'), 6)).rejects.toThrow(RangeError);
});
