import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ADMINISTRATOR, startS3Server } from './s3-server.ts';

const RUNTIME = join(import.meta.dirname, '../../../runtime');
const SUITE = join(import.meta.dirname, 's3a_suite.py');

/** The pinned jars of S3A, as set-up brings them. */
function s3aJars(): string[] {
  const folder = join(RUNTIME, 'jars');
  return readdirSync(folder)
    .filter((name) => /^(?:hadoop-aws|aws-java-sdk-bundle)-.*\.jar$/.test(name))
    .map((name) => join(folder, name));
}

describe("Spark's S3A", () => {
  test.each(['file', 'magic'])('by the %s committer', { timeout: 600_000 }, async (committer) => {
    await using server = await startS3Server();
    await server.store.createBucket('s3a-suite');
    const { accessKeyId, secretAccessKey } = ADMINISTRATOR;
    const settings = [server.endpoint, accessKeyId, secretAccessKey, s3aJars().join(','), committer];
    const { stdout } = await promisify(execFile)(join(RUNTIME, 'python/bin/python'), [SUITE, ...settings]);
    expect(stdout).toContain('ok trees');
    const left = await server.store.uploads.list('s3a-suite', {
      prefix: '',
      delimiter: '',
      limit: 10,
      start: { atKey: '' },
    });
    expect(left.rows).toEqual([]);
    expect(server.unexpected).toEqual([]);
  });
});
