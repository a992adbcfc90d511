import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMINISTRATOR, REGION } from './s3-server.ts';

const Bucket = 'killed';
const WRITERS = 6;
const ROUNDS = 3;
/** Writes that must be acknowledged before each kill. */
const ACKNOWLEDGED_PER_ROUND = 60;

let folder: string;
let child: ChildProcess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parthenon-kill-'));
});

afterEach(() => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<S3Client> {
  const script = join(import.meta.dirname, 'serve.ts');
  child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [endpoint] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [
    string,
  ];
  return new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials: ADMINISTRATOR, maxAttempts: 1 });
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

describe('kill -9 while objects are written', () => {
  test('every acknowledged object is whole, every other one whole or absent', { timeout: 240_000 }, async () => {
    /** What each key may hold: one hash when its last write was acknowledged, else those that may have come through. */
    const expected = new Map<string, Set<string | undefined>>();
    for (let round = 0; round < ROUNDS; round++) {
      const client = await start();
      if (round === 0) await client.send(new CreateBucketCommand({ Bucket }));
      let acknowledged = 0;
      let killed = false;
      const write = async (writer: number): Promise<void> => {
        for (let number = 0; !killed; number++) {
          const Key = `writer-${writer}/${number % 20}`;
          const earlier = expected.get(Key) ?? new Set([undefined]);
          const Body = number % 7 === 6 ? undefined : randomBytes([10, 5_000, 700_000][number % 3] as number);
          const hash = Body && md5(Body);
          expected.set(Key, new Set([...earlier, hash]));
          try {
            await client.send(
              Body ? new PutObjectCommand({ Bucket, Key, Body }) : new DeleteObjectCommand({ Bucket, Key }),
            );
          } catch {
            return; // the kill: this write may have come through or not
          }
          expected.set(Key, new Set([hash]));
          if (++acknowledged === ACKNOWLEDGED_PER_ROUND) {
            killed = true;
            child.kill('SIGKILL');
          }
        }
      };
      const exited = once(child, 'exit');
      await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
      await exited;
      client.destroy();
    }

    const client = await start();
    const found = new Map<string, string>();
    for await (const page of paginateListObjectsV2({ client }, { Bucket })) {
      for (const { Key, ETag } of page.Contents ?? []) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        const hash = md5((await Body?.transformToByteArray()) ?? new Uint8Array());
        expect(ETag).toBe(`"${hash}"`);
        found.set(Key as string, hash);
      }
    }
    for (const [key, possible] of expected) expect(possible, key).toContain(found.get(key));
    expect([...found.keys()].every((key) => expected.has(key))).toBe(true);
    client.destroy();
  });
});
