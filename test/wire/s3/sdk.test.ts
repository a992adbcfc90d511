import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  type ChecksumAlgorithm,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMINISTRATOR, REGION, type S3Server, SESSION, startS3Server } from './s3-server.ts';

const MEBIBYTE = 1024 * 1024;
const Bucket = 'sdk';

let server: S3Server;
let client: S3Client;

function connect(config: S3ClientConfig = {}): S3Client {
  const { endpoint } = server;
  return new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: ADMINISTRATOR,
    maxAttempts: 1,
    ...config,
  });
}

beforeAll(async () => {
  server = await startS3Server();
  client = connect();
  await client.send(new CreateBucketCommand({ Bucket }));
});

afterAll(async () => {
  client.destroy();
  await server.close();
  expect(server.unexpected).toEqual([]);
});

async function bytesOf(Key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

describe('the AWS SDK for JavaScript', () => {
  test.each<ChecksumAlgorithm>(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'])(
    'stores and verifies %s, sent in a header and in a trailer',
    async (ChecksumAlgorithm) => {
      const body = randomBytes(3 * MEBIBYTE);
      const streamed = { Body: Readable.from([body]), ContentLength: body.length };
      for (const source of [{ Body: body }, streamed]) {
        const put = new PutObjectCommand({ Bucket, Key: 'sum', ChecksumAlgorithm, ...source });
        const reply = await client.send(put);
        const member = `Checksum${ChecksumAlgorithm}` as 'ChecksumCRC32';
        expect(reply[member]).toBeTypeOf('string');
        const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'sum', ChecksumMode: 'ENABLED' }));
        expect(head[member]).toBe(reply[member]);
        expect(await bytesOf('sum')).toEqual(body);
      }
    },
  );

  test('a wrong checksum is BadDigest and changes nothing', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'right', Body: 'right' }));
    const wrong = new PutObjectCommand({ Bucket, Key: 'right', Body: 'wrong', ChecksumCRC32C: 'AAAAAA==' });
    await expect(client.send(wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    expect((await bytesOf('right')).toString()).toBe('right');
  });

  test('presigned URLs put and get, for a session with its token too', async () => {
    const session = connect({ credentials: SESSION });
    for (const signer of [client, session]) {
      const put = new PutObjectCommand({ Bucket, Key: 'pre/signed ü', Metadata: { m: '1' } });
      const putUrl = await getSignedUrl(signer, put, { expiresIn: 60 });
      const stored = await fetch(putUrl, { method: 'PUT', body: 'by URL' });
      expect(stored.status, await stored.text()).toBe(200);
      const getUrl = await getSignedUrl(signer, new GetObjectCommand({ Bucket, Key: 'pre/signed ü' }), {
        expiresIn: 60,
      });
      const got = await fetch(getUrl);
      expect(await got.text()).toBe('by URL');
      expect(got.headers.get('x-amz-meta-m')).toBe('1');
      expect((await fetch(getUrl.replace('X-Amz-Expires=60', 'X-Amz-Expires=61'))).status).toBe(403);
    }
    session.destroy();
  });

  test("a session's key without its token is refused", async () => {
    const { sessionToken: _, ...credentials } = SESSION;
    const session = connect({ credentials });
    await expect(session.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'InvalidToken' });
    session.destroy();
  });

  test('keys come back as they were put, without encoding-type too', async () => {
    const keys = [
      'plain',
      'sp ace',
      'a&b<c>',
      'ü',
      '😀',
      'new\nline',
      'return\rcarriage',
      "it's",
      '"quoted"',
      '%41',
      'a+b',
    ];
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key: `keys/${Key}`, Body: Key }));
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'keys/' }));
    expect(new Set(Contents.map((item) => item.Key))).toEqual(new Set(keys.map((key) => `keys/${key}`)));
    await client.send(
      new CopyObjectCommand({ Bucket, Key: 'keys/copy', CopySource: `${Bucket}/${encodeURIComponent('keys/a&b<c>')}` }),
    );
    expect((await bytesOf('keys/copy')).toString()).toBe('a&b<c>');
    const Objects = Contents.map((item) => ({ Key: item.Key }));
    const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Errors).toBeUndefined();
    expect(new Set(Deleted?.map((item) => item.Key))).toEqual(new Set(Contents.map((item) => item.Key)));
  });

  test('pages stay right while keys are added and removed', async () => {
    const keyOf = (number: number): string => `moving/${String(number).padStart(3, '0')}`;
    for (let number = 0; number < 60; number += 2) {
      await client.send(new PutObjectCommand({ Bucket, Key: keyOf(number), Body: 'x' }));
    }
    const seen: (string | undefined)[] = [];
    let round = 0;
    for await (const page of paginateListObjectsV2({ client, pageSize: 7 }, { Bucket, Prefix: 'moving/' })) {
      seen.push(...(page.Contents ?? []).map((item) => item.Key));
      await client.send(new PutObjectCommand({ Bucket, Key: keyOf(round++ * 2 + 1), Body: 'x' })); // behind the page
    }
    expect(seen.filter((key) => Number(key?.slice(-3)) % 2 === 0)).toHaveLength(30);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('256 MiB go through in both ways within bounded memory', { timeout: 300_000 }, async () => {
    const block = randomBytes(MEBIBYTE);
    const blocks = 256;
    async function* body(): AsyncGenerator<Buffer> {
      for (let count = 0; count < blocks; count++) yield block;
    }
    const ContentLength = blocks * MEBIBYTE;
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }, 20);
    try {
      await client.send(new PutObjectCommand({ Bucket, Key: 'large', Body: Readable.from(body()), ContentLength }));
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'large' }));
      let received = 0;
      for await (const chunk of Body as Readable) {
        const { length } = chunk as Buffer;
        expect((chunk as Buffer)[0]).toBe(block[received % MEBIBYTE]);
        received += length;
      }
      expect(received).toBe(ContentLength);
    } finally {
      clearInterval(watch);
    }
    expect(peak).toBeLessThan(ContentLength / 2);
  });
});
