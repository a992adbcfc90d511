import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { runtimeFolder } from '../../../src/runtime/runtime.ts';
import { ADMINISTRATOR, SESSION, startS3Server } from './s3-server.ts';

const PYTHON = join(runtimeFolder(), 'python', 'bin', 'python');

describe('boto3', () => {
  test.each([
    ['the administrator', ADMINISTRATOR],
    ["a session's temporary key", SESSION],
  ])('does by %s all that the suite asks', { timeout: 180_000 }, async (_, key) => {
    await using server = await startS3Server();
    const suite = join(import.meta.dirname, 'boto3_suite.py');
    const credentials = [key.accessKeyId, key.secretAccessKey, key.sessionToken ?? ''];
    const { stdout } = await promisify(execFile)(PYTHON, [suite, server.endpoint, ...credentials]);
    expect(stdout.match(/^ok test_/gm)?.length).toBe(20);
    expect(server.unexpected).toEqual([]);
  });
});
