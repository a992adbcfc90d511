/** What a calculation has displayed: images become files, the rest is shown as text. docs/users/calculations.md has the shape. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { printLine, tell } from './output.ts';

interface Output {
  readonly output_type: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly metadata?: { readonly stdout?: boolean };
}

/** Forms that are saved, the best first. Those of MIME types that end in `+xml` and `html` are text, not base 64. */
const SAVED = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/svg+xml': 'svg',
  'application/pdf': 'pdf',
} as const;
const MOST_NAMES = 10_000;

/**
 * @param folder where images are saved; made when it is not there
 * @param name what their names begin with
 */
export async function showResults(s3: S3Client, uri: string, folder: string, name: string): Promise<void> {
  for (const output of await readOutputs(s3, uri)) {
    const { data, metadata } = output;
    if (data === undefined) continue;
    const type = (Object.keys(SAVED) as (keyof typeof SAVED)[]).find((each) => typeof data[each] === 'string');
    if (type !== undefined) {
      const bytes = Buffer.from(data[type] as string, type === 'image/svg+xml' ? 'utf8' : 'base64');
      await tell(`parthenon: saved ${await save(folder, name, SAVED[type], bytes)}`);
    } else if ('application/vnd.plotly.v1+json' in data && typeof data['text/html'] === 'string') {
      await tell(`parthenon: saved ${await save(folder, name, 'html', Buffer.from(data['text/html']))}`);
    } else if (output.output_type === 'display_data' && !metadata?.stdout && typeof data['text/plain'] === 'string') {
      // The value of the last expression is on standard output already, as tables are.
      await printLine(data['text/plain']);
    }
  }
}

async function readOutputs(s3: S3Client, uri: string): Promise<readonly Output[]> {
  const { host: Bucket, pathname } = new URL(uri);
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: decodeURIComponent(pathname.slice(1)) }));
    return JSON.parse((await Body?.transformToString()) ?? '').outputs;
  } catch (error) {
    const { message } = error as Error;
    await tell(
      `parthenon: what was displayed cannot be read from ${uri}: ${message}. Where S3 is another server: AWS_ENDPOINT_URL_S3`,
    );
    return [];
  }
}

/** Under the first free number: nothing is ever overwritten. @returns the file */
async function save(folder: string, name: string, extension: string, bytes: Buffer): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (let number = 1; number <= MOST_NAMES; number += 1) {
    const file = join(folder, `${name}-${number}.${extension}`);
    try {
      await writeFile(file, bytes, { flag: 'wx' });
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(`${folder} has no free name for ${name}-….${extension}`);
}
