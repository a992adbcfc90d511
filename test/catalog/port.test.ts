import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { keptPort } from '../../src/catalog/port.ts';

const folder = mkdtempSync(join(tmpdir(), 'parthenon-port-'));
const file = join(folder, 'port');
afterAll(() => rmSync(folder, { recursive: true }));

test('a port stays the same while it is free, and gives way to a stranger', async () => {
  const first = await keptPort(file);
  expect(first).toBeLessThan(32_768);
  expect(await keptPort(file)).toBe(first);
  const stranger = createServer();
  await new Promise<void>((listening) => stranger.listen(first, '127.0.0.1', listening));
  const second = await keptPort(file);
  expect(second).not.toBe(first);
  expect(Number(readFileSync(file, 'utf8'))).toBe(second);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await new Promise((closed) => stranger.close(closed));
});
