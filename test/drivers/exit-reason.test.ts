import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exitReason } from '../../src/drivers/exit-reason.ts';

/** What is known of the end of a process that an earlier server started. */
const UNKNOWN = { code: null, signal: null };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-exit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the end of a driver of an earlier server is told by its last line, where that is about its end', async () => {
  const log = (text: string) => writeFileSync(join(folder, 'driver.log'), text);
  log('a warning\nThe Spark driver JVM was ended by signal 9\n');
  expect(await exitReason(folder, UNKNOWN)).toMatch(/^The Spark driver JVM was ended by signal 9\n/);
  log("The session's SparkContext was stopped by Spark itself: Master removed our application: KILLED\n");
  expect(await exitReason(folder, UNKNOWN)).toMatch(/^The session's SparkContext was stopped by Spark itself: Master/);
  log('a warning\n');
  expect(await exitReason(folder, UNKNOWN)).toBe('The Spark driver has ended\na warning');
});
