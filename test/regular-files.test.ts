import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder, openRegularFile, readSmallFile, removeIn } from '../src/regular-files.ts';

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

test('a file to which a folder’s link leads is refused where it must lie in a folder', async () => {
  const inside = join(folder, 'inside');
  mkdirSync(inside);
  writeFileSync(join(inside, 'own'), 'own');
  symlinkSync('/etc', join(inside, 'led'));
  await using own = await openRegularFile(join(inside, 'own'), inside);
  expect(await own.readFile('utf8')).toBe('own');
  await using followed = await openRegularFile(join(inside, 'led', 'passwd'));
  expect(await followed.readFile('utf8')).toContain('root');
  await expect(openRegularFile(join(inside, 'led', 'passwd'), inside)).rejects.toThrow('leads out of its folder');
  await expect(readSmallFile(join(inside, 'led', 'passwd'), 1_000_000, inside)).rejects.toThrow('leads out');
  await expect(openRegularFile(join(inside, 'own'), join(folder, 'in'))).rejects.toThrow();
});

test('a folder is removed, and no link in it or in its place is followed', async () => {
  const kept = join(folder, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'file'), '');
  const spool = join(folder, 'spool');
  mkdirSync(join(spool, 'one', 'two', 'three'), { recursive: true });
  writeFileSync(join(spool, 'one', 'two', 'file'), '');
  symlinkSync(kept, join(spool, 'one', 'two', 'link'));
  symlinkSync(kept, join(spool, 'link'));
  await using opened = await openFolder(spool);
  for (const name of ['one', 'link', 'nothing']) await removeIn(opened, name);
  expect(readdirSync(spool)).toEqual([]);
  expect(readdirSync(kept)).toEqual(['file']);
  symlinkSync(kept, join(folder, 'link-to-folder'));
  await expect(openFolder(join(folder, 'link-to-folder'))).rejects.toThrow();
});

test('what is opened stays what it was, whatever comes in its place', async () => {
  const before = join(folder, 'before');
  mkdirSync(before);
  writeFileSync(join(before, 'file'), '');
  await using opened = await openFolder(before);
  renameSync(before, join(folder, 'moved'));
  symlinkSync('/etc', before);
  await removeIn(opened, 'file');
  await removeIn(opened, 'passwd');
  expect(readdirSync(join(folder, 'moved'))).toEqual([]);
  await expect(removeIn(opened, 'missing/deeper')).resolves.toBeUndefined();
});

test('what is missing is ENOENT', async () => {
  await expect(openRegularFile(join(folder, 'nothing'))).rejects.toThrow('ENOENT');
});

test('a small file is read as text, a longer one is refused', async () => {
  writeFileSync(join(folder, 'small'), 'grüße');
  expect(await readSmallFile(join(folder, 'small'), 7)).toBe('grüße');
  await expect(readSmallFile(join(folder, 'small'), 6)).rejects.toThrow(RangeError);
});
