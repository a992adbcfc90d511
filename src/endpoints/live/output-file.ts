/** One stream of a calculation's output: from the spool while it is written, else from S3, a piece at a time. */
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { NoSuchObject, type ObjectStore, type S3Location } from '../../objects/object-store.ts';
import { openRegularFile } from '../../regular-files.ts';

/** What is in memory of each stream, at most, beside one chunk of S3's. */
const PIECE_BYTES = 64 * 1024;

/** An object of S3, as it comes. */
interface Stored {
  readonly stream: Readable;
  readonly chunks: AsyncIterator<Buffer>;
}

export class OutputFile implements AsyncDisposable {
  /** Bytes that have been read. */
  position: number;
  #spool: FileHandle | undefined;
  /** Of a calculation that has ended: what a process that its code left behind still writes is no part of it. */
  #length: number | undefined;
  #stored: Stored | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(position: number) {
    this.position = position;
  }

  /** Whether it is read from the spool: then it stays readable to its end, whatever becomes of the folder. */
  get isOpen(): boolean {
    return this.#spool !== undefined;
  }

  /** Opens the file once it is there. @param folder the spool of a calculation that runs, in the folder of spools in the driver's */
  async open(folder: string, name: string): Promise<void> {
    if (this.isOpen) return;
    // Not there yet, or no more; or something else, which the code has put there.
    this.#spool = await openRegularFile(join(folder, name), dirname(dirname(folder))).catch(() => undefined);
  }

  /** What has been written since. @returns whole characters; undefined when there are none at the moment */
  async written(): Promise<string | undefined> {
    return this.#spool && (await this.#piece(this.#spool, (await this.#spool.stat()).size, false));
  }

  /**
   * What there still is of a calculation that has ended.
   * @param location where S3 has it, which is asked when there is no spool; undefined where S3 has nothing
   * @returns undefined at the end
   */
  async remaining(store: ObjectStore, location: S3Location | undefined): Promise<string | undefined> {
    if (this.#spool !== undefined) {
      this.#length ??= (await this.#spool.stat()).size;
      return await this.#piece(this.#spool, this.#length, true);
    }
    return location && (await this.#storedPiece(store, location));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stored?.stream.destroy();
    await this.#spool?.close();
  }

  async #piece(file: FileHandle, size: number, ended: boolean): Promise<string | undefined> {
    const length = Math.min(size - this.position, PIECE_BYTES);
    if (length <= 0) return undefined;
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, this.position);
    const isLast = ended && (bytesRead === 0 || this.position + bytesRead === size);
    return this.#take(buffer.subarray(0, bytesRead), isLast);
  }

  async #storedPiece(store: ObjectStore, location: S3Location): Promise<string | undefined> {
    this.#stored ??= await openStored(store, location, this.position);
    const { chunks } = this.#stored;
    let last = false;
    while (this.#rest.length < PIECE_BYTES && !last) {
      const { value, done } = await chunks.next();
      if (done === true) last = true;
      else this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    }
    const piece = this.#rest.subarray(0, PIECE_BYTES);
    const before = this.position;
    const text = this.#take(piece, last && piece.length === this.#rest.length);
    this.#rest = this.#rest.subarray(this.position - before);
    return text;
  }

  #take(bytes: Buffer, isLast: boolean): string | undefined {
    const whole = isLast ? bytes.length : wholeCharacters(bytes);
    if (whole === 0) return undefined;
    this.position += whole;
    return bytes.toString('utf8', 0, whole);
  }
}

async function openStored(store: ObjectStore, location: S3Location, from: number): Promise<Stored> {
  const stream = await store.get(location, from).catch((error: unknown) => {
    if (error instanceof NoSuchObject) return Readable.from([]); // Somebody has removed it.
    throw error;
  });
  return { stream, chunks: stream[Symbol.asyncIterator]() };
}

/**
 * The length of the bytes without a character at their end whose rest has not come; bytes that are no UTF-8 are whole.
 * https://www.rfc-editor.org/rfc/rfc3629#section-3
 */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf8 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
