import { zstdDecompressSync } from 'node:zlib';
import { paginateListObjectsV2, type S3Client, GetObjectCommand } from '@aws-sdk/client-s3';

/** What each frame of Zstandard begins with: RFC 8878, 3.1.1. */
const FRAME = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Keys below a prefix, without it. */
export async function keysBelow(s3: S3Client, Bucket: string, Prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix }))
    keys.push(...Contents.map(({ Key = '' }) => Key.slice(Prefix.length)));
  return keys.sort();
}

export async function bytesOf(s3: S3Client, Bucket: string, Key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** An event of Spark's: `Event` is its name. */
export type SparkEvent = { readonly Event: string } & Readonly<Record<string, unknown>>;

/** The events of a session's log, as they lie in S3. */
export async function eventsIn(s3: S3Client, bucket: string, sessionId: string, prefix = ''): Promise<SparkEvent[]> {
  const folder = `${prefix}event-log/eventlog_v2_${sessionId}/`;
  const files = (await keysBelow(s3, bucket, folder)).filter((name) => name.startsWith('events_'));
  const texts = await Promise.all(files.map(async (name) => textOf(await bytesOf(s3, bucket, folder + name))));
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SparkEvent);
}

/** Spark ends a frame with each flush, of which Node reads the first alone. */
function textOf(bytes: Buffer): string {
  const starts: number[] = [];
  for (let at = bytes.indexOf(FRAME); at >= 0; at = bytes.indexOf(FRAME, at + FRAME.length)) starts.push(at);
  return starts.map((start, index) => zstdDecompressSync(bytes.subarray(start, starts[index + 1])).toString()).join('');
}
