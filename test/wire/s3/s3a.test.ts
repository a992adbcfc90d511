import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { driverJars, locateRuntime } from '../../../src/runtime/runtime.ts';
import { ADMINISTRATOR, startS3Server } from './s3-server.ts';

const SUITE = join(import.meta.dirname, 's3a_suite.py');
const S3A_JARS = /\/(?:hadoop-aws|aws-java-sdk|jmespath-java|ion-java|jackson-dataformat-cbor)-[^/]*\.jar$/;

describe("Spark's S3A", () => {
  test.each(['file', 'magic'])('by the %s committer', { timeout: 600_000 }, async (committer) => {
    await using server = await startS3Server();
    await server.store.createBucket('s3a-suite');
    const { accessKeyId, secretAccessKey } = ADMINISTRATOR;
    const runtime = locateRuntime();
    const s3aJars = driverJars(runtime)
      .filter((jar) => S3A_JARS.test(jar))
      .join(',');
    const settings = [server.endpoint, accessKeyId, secretAccessKey, s3aJars, committer];
    const { stdout } = await promisify(execFile)(runtime.python, [SUITE, ...settings]);
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
