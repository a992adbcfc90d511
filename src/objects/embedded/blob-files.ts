import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withFullDiskExplained } from './storage-error.ts';

/** Bytes gathered in memory before they are written; small objects are written at once. */
const WRITE_BUFFER_BYTES = 1024 * 1024;
const READ_BUFFER_BYTES = 512 * 1024;
/** What all that is written and read at once may hold together: whoever comes when many are there gets a smaller share. */
const BUFFERS_BYTES = 128 * 1024 * 1024;
const LEAST_BUFFER_BYTES = 16 * 1024;
const SHARDS = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));

/** Bytes that are durable but belong to nobody yet; disposing of them unless `keep` was called removes the file. */
export interface StagedBytes extends AsyncDisposable {
  /** `null` for no bytes: those need no file. */
  readonly blob: string | null;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  /** To be called when the row that names the blob is committed. */
  keep(): void;
}

/**
 * Immutable files under opaque names. A file comes to be complete and synced, or not at all: it is written in `incoming`,
 * synced, renamed into its shard, and the shard's folder is synced.
 *
 * A file that is being read is removed only when its last reader has let go of it (`pin`, `unpin`).
 */
export class BlobFiles {
  readonly #incoming: string;
  readonly #shards: string;
  readonly #generation: number;
  readonly #shardHandles = new Map<string, Promise<FileHandle>>();
  readonly #pins = new Map<string, number>();
  readonly #doomed = new Set<string>();
  /** While there are any, nothing is removed; what was to be goes when the last has ended. */
  #holds = 0;
  readonly #held = new Set<string>();
  /** Reads and writes under way. */
  #streams = 0;

  private constructor(folder: string, generation: number) {
    this.#incoming = join(folder, 'incoming');
    this.#shards = join(folder, 'bytes');
    this.#generation = generation;
  }

  /** @param generation greater than that of any earlier opening of the folder */
  static async open(folder: string, generation: number): Promise<BlobFiles> {
    const files = new BlobFiles(folder, generation);
    await rm(files.#incoming, { recursive: true, force: true });
    await mkdir(files.#incoming, { recursive: true });
    await mkdir(files.#shards, { recursive: true });
    for (const shard of SHARDS) await mkdir(join(files.#shards, shard), { recursive: true });
    for (const path of [files.#shards, folder]) await syncFolder(path);
    return files;
  }

  /**
   * Writes and syncs what the body yields. A body that throws leaves nothing.
   * @throws StorageError InsufficientStorage
   */
  async stage(body: AsyncIterable<Uint8Array>): Promise<StagedBytes> {
    const incoming = new IncomingFile(join(this.#incoming, `${randomBytes(16).toString('hex')}`));
    this.#streams += 1;
    try {
      for await (const chunk of body) await incoming.write(chunk, this.#share(WRITE_BUFFER_BYTES));
      await incoming.finish();
      const blob = incoming.path === undefined ? null : await this.#admit(incoming.path);
      return this.#staged(blob, incoming.size, incoming.md5());
    } catch (error) {
      await incoming.discard();
      throw withFullDiskExplained(error);
    } finally {
      this.#streams -= 1;
    }
  }

  /** Bytes `start` to `end`, both included, of a blob. */
  async *read(blob: string, start: number, end: number): AsyncGenerator<Buffer> {
    const handle = await open(this.#pathOf(blob), constants.O_RDONLY);
    this.#streams += 1;
    try {
      for (let position = start; position <= end; ) {
        const length = Math.min(this.#share(READ_BUFFER_BYTES), end - position + 1);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
        if (bytesRead === 0) throw new Error(`blob ${blob} ends at byte ${position}; ${end + 1} were stored`);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#streams -= 1;
      await handle.close();
    }
  }

  #share(most: number): number {
    return Math.max(LEAST_BUFFER_BYTES, Math.min(most, Math.floor(BUFFERS_BYTES / this.#streams)));
  }

  pin(blob: string): void {
    this.#pins.set(blob, (this.#pins.get(blob) ?? 0) + 1);
  }

  async unpin(blob: string): Promise<void> {
    const others = (this.#pins.get(blob) ?? 1) - 1;
    if (others > 0) {
      this.#pins.set(blob, others);
      return;
    }
    this.#pins.delete(blob);
    if (this.#doomed.delete(blob)) await this.remove([blob]);
  }

  /** Removes blobs that no row names any more; those with readers go when the last of them has ended. */
  async remove(blobs: Iterable<string>): Promise<void> {
    for (const blob of blobs) {
      if (this.#holds > 0) this.#held.add(blob);
      else if (this.#pins.has(blob)) this.#doomed.add(blob);
      else await unlinkIfThere(this.#pathOf(blob));
    }
  }

  /** Keeps every blob that is there now until it is disposed of. A kill meanwhile leaves files to the next opening's sweep. */
  hold(): AsyncDisposable {
    this.#holds += 1;
    return {
      [Symbol.asyncDispose]: async () => {
        this.#holds -= 1;
        if (this.#holds > 0) return;
        const held = [...this.#held];
        this.#held.clear();
        await this.remove(held);
      },
    };
  }

  /** Where a blob lies below the store's folder. */
  static pathOf(blob: string): string {
    return join('bytes', shardOf(blob), blob);
  }

  /**
   * Removes files of earlier openings that no row names: what a kill left between a rename and its commit, or between a
   * commit and the removal of old bytes. Files of this opening are never touched, so writers may be at work.
   * @param unreferenced tells which of these blobs no row names
   */
  async sweep(
    unreferenced: (blobs: readonly string[]) => Promise<readonly string[]>,
    signal: AbortSignal,
  ): Promise<number> {
    let removed = 0;
    for (const shard of SHARDS) {
      if (signal.aborted) break;
      const names = await readdir(join(this.#shards, shard));
      const earlier = names.filter((name) => generationOf(name) < this.#generation);
      const orphans = earlier.length === 0 ? [] : await unreferenced(earlier);
      await this.remove(orphans);
      removed += orphans.length;
    }
    return removed;
  }

  async close(): Promise<void> {
    for (const handle of this.#shardHandles.values()) await (await handle).close();
    this.#shardHandles.clear();
  }

  async #admit(path: string): Promise<string> {
    const blob = `${randomBytes(12).toString('hex')}-${this.#generation}`;
    await rename(path, this.#pathOf(blob));
    const shard = shardOf(blob);
    let handle = this.#shardHandles.get(shard);
    if (handle === undefined) {
      handle = open(join(this.#shards, shard), constants.O_RDONLY);
      this.#shardHandles.set(shard, handle);
    }
    await (await handle).sync();
    return blob;
  }

  #staged(blob: string | null, size: number, md5: string): StagedBytes {
    let kept = false;
    const keep = (): void => {
      kept = true;
    };
    const dispose = async (): Promise<void> => {
      if (!kept && blob !== null) await this.remove([blob]);
    };
    return { blob, size, md5, keep, [Symbol.asyncDispose]: dispose };
  }

  #pathOf(blob: string): string {
    return join(this.#shards, shardOf(blob), blob);
  }
}

/** A file under construction; it is only created when there is a byte to write. */
class IncomingFile {
  readonly #path: string;
  readonly #md5 = createHash('md5');
  #handle: FileHandle | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #created = false;
  size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Where the file lies, if there is one. */
  get path(): string | undefined {
    return this.#created ? this.#path : undefined;
  }

  /** @param most bytes to gather before they are written */
  async write(chunk: Uint8Array, most: number): Promise<void> {
    if (chunk.byteLength === 0) return;
    this.#md5.update(chunk);
    this.size += chunk.byteLength;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.byteLength;
    if (this.#pendingBytes >= most) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#handle?.datasync();
    await this.#handle?.close();
    this.#handle = undefined;
  }

  md5(): string {
    return this.#md5.digest('hex');
  }

  async discard(): Promise<void> {
    await this.#handle?.close();
    if (this.#created) await unlinkIfThere(this.#path);
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    if (this.#handle === undefined) {
      this.#handle = await open(this.#path, 'wx', 0o600);
      this.#created = true;
    }
    let buffers = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    while (buffers.length > 0) {
      const { bytesWritten } = await this.#handle.writev(buffers);
      buffers = dropBytes(buffers, bytesWritten);
    }
  }
}

/** What is left of buffers when their first bytes have been written: `writev` may write less than it is given. */
function dropBytes(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const buffer of buffers) {
    if (skip < buffer.byteLength) rest.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.byteLength);
  }
  return rest;
}

function shardOf(blob: string): string {
  return blob.slice(0, 2);
}

function generationOf(blob: string): number {
  return Number(blob.slice(blob.lastIndexOf('-') + 1));
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
