import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDriverFolder, removeDriverFolder } from '../../src/drivers/driver-folder.ts';

const DRIVER_ID = '5e2f1c1e-93a5-4b0e-8f5c-0c3a0b6a7d10';
const instructions = {
  java: '/java',
  sparkHome: '/spark',
  jars: [],
  ivyCache: '/ivy',
  jvmProperties: null,
  warm: false,
  held: null,
  classData: null,
  limits: { memoryBytes: 1, processes: 2, diskBytes: 3 },
  sandboxed: false,
};
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'p-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('createDriverFolder', () => {
  test('is closed to other users, and so are its key and instructions', async () => {
    const folder = await createDriverFolder(DRIVER_ID, root, undefined, instructions);
    const mode = (path: string) => statSync(join(folder.path, path)).mode & 0o777;
    expect(mode('.')).toBe(0o700);
    expect(mode('connection.json')).toBe(0o600);
    expect(mode('launch.json')).toBe(0o600);
    expect(JSON.parse(readFileSync(join(folder.path, 'connection.json'), 'utf8')).key).toBe(folder.key);
  });

  test('keeps its sockets within where they fit', async () => {
    const folder = await createDriverFolder(DRIVER_ID, root, join(root, 'sockets'), instructions);
    expect(folder.shellAddress).toBe(`ipc://${folder.path}/k-1`);
    expect(existsSync(join(root, 'sockets'))).toBe(false);
  });

  test('puts its sockets into a short folder where its own path is too long for one', async () => {
    const folder = await createDriverFolder(DRIVER_ID, join(root, 'x'.repeat(100)), join(root, 's'), instructions);
    const socket = folder.controlAddress.slice('ipc://'.length);
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(107);
    expect(socket.startsWith(join(root, 's'))).toBe(true);
    await removeDriverFolder(folder.path);
    expect(existsSync(folder.path)).toBe(false);
    expect(readdirSync(join(root, 's'))).toEqual([]);
  });
});

describe('removeDriverFolder', () => {
  test('removes nothing that a session wrote into launch.json', async () => {
    const folder = await createDriverFolder(DRIVER_ID, root, undefined, instructions);
    const precious = mkdtempSync(join(root, 'precious-'));
    writeFileSync(join(folder.path, 'launch.json'), JSON.stringify({ sockets: precious }));
    await removeDriverFolder(folder.path);
    expect(existsSync(precious)).toBe(true);
    expect(existsSync(folder.path)).toBe(false);
  });

  test('is content with a folder that is not there', async () => {
    await removeDriverFolder(join(root, 'nothing'));
  });
});
