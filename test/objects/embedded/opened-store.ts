import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { EmbeddedStore } from '../../../src/objects/embedded/embedded-store.ts';
import type { ObjectName, ObjectRecord, WriteCondition } from '../../../src/objects/embedded/records.ts';

export const BUCKET = 'bucket';
export const MEBIBYTE = 1024 * 1024;

/** A store in a folder of its own, with one bucket. */
export class OpenedStore {
  readonly folder: string;
  store: EmbeddedStore;

  private constructor(folder: string, store: EmbeddedStore) {
    this.folder = folder;
    this.store = store;
  }

  static async make(): Promise<OpenedStore> {
    const folder = mkdtempSync(join(tmpdir(), 'parthenon-store-'));
    const store = await EmbeddedStore.open(folder);
    await store.createBucket(BUCKET);
    return new OpenedStore(folder, store);
  }

  async remove(): Promise<void> {
    await this.store.close();
    rmSync(this.folder, { recursive: true });
  }

  async put(key: string, body: Uint8Array | string, condition?: WriteCondition): Promise<ObjectRecord> {
    await using staged = await this.store.stage(bytes(Buffer.from(body)));
    return await this.store.put(name(key), staged, { contentType: 'text/plain' }, condition);
  }

  /** Every file of bytes on the disk, those under construction included. */
  files(): string[] {
    const shards = readdirSync(join(this.folder, 'bytes'));
    return [
      ...shards.flatMap((shard) => readdirSync(join(this.folder, 'bytes', shard))),
      ...readdirSync(join(this.folder, 'incoming')),
    ];
  }
}

export function name(key: string): ObjectName {
  return { bucket: BUCKET, key };
}

export async function* bytes(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** An error of this code. */
export function code(expected: string): unknown {
  return expect.objectContaining({ code: expected });
}
