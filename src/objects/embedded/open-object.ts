import type { Kysely } from 'kysely';
import type { BlobFiles } from './blob-files.ts';
import { getObject, recordOf } from './object-rows.ts';
import type { ObjectChecksum, ObjectName, ObjectRecord } from './records.ts';
import type { ObjectTables } from './schema.ts';

interface OpenSegment {
  readonly number: number;
  readonly blob: string | null;
  /** Bytes of the object before this segment. */
  readonly offset: number;
  readonly size: number;
  /** JSON of `ObjectChecksum`. */
  readonly checksum: string | null;
}

/** A part of an object that a multipart upload made. */
export interface ObjectPart {
  readonly number: number;
  readonly size: number;
  readonly checksum?: ObjectChecksum;
}

/** An object whose bytes stay readable, whatever happens to its key, until it is disposed of. */
export class OpenObject implements AsyncDisposable {
  readonly record: ObjectRecord;
  readonly #segments: readonly OpenSegment[];
  readonly #files: BlobFiles;

  private constructor(files: BlobFiles, record: ObjectRecord, segments: readonly OpenSegment[]) {
    this.#files = files;
    this.record = record;
    this.#segments = segments;
  }

  /** @throws StorageError NoSuchBucket, NoSuchKey */
  static async open(db: Kysely<ObjectTables>, files: BlobFiles, name: ObjectName): Promise<OpenObject> {
    // The one connection is held until the blobs are pinned: no commit can come between that would have them removed.
    return await db.connection().execute(async (connection) => {
      const row = await getObject(connection, name);
      const rows = await connection
        .selectFrom('segment')
        .select(['number', 'blob', 'size', 'checksum'])
        .where('version', '=', row.version)
        .orderBy('number')
        .execute();
      let offset = 0;
      const segments = rows.map((segment) => {
        const placed = { ...segment, offset };
        offset += segment.size;
        return placed;
      });
      for (const { blob } of segments) if (blob !== null) files.pin(blob);
      return new OpenObject(files, recordOf(row), segments);
    });
  }

  /** Parts of the multipart upload that made the object; `undefined` when none did. */
  get partCount(): number | undefined {
    return this.record.etag.includes('-') ? this.#segments.length : undefined;
  }

  /** The parts, in order, of the multipart upload that made the object. */
  get parts(): readonly ObjectPart[] {
    if (this.partCount === undefined) return [];
    return this.#segments.map(({ number, size, checksum }) => ({
      number,
      size,
      ...(checksum !== null && { checksum: JSON.parse(checksum) as ObjectChecksum }),
    }));
  }

  /** First and last byte of a part; a part without bytes ends before it begins. */
  partRange(number: number): { start: number; end: number } | undefined {
    const part = this.#segments.find((segment) => segment.number === number);
    return part && { start: part.offset, end: part.offset + part.size - 1 };
  }

  /** Bytes `start` to `end`, both included. */
  async *read(start = 0, end = this.record.size - 1): AsyncGenerator<Buffer> {
    for (const { blob, offset, size } of this.#segments) {
      const first = Math.max(start - offset, 0);
      const last = Math.min(end - offset, size - 1);
      if (blob !== null && first <= last) yield* this.#files.read(blob, first, last);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { blob } of this.#segments) if (blob !== null) await this.#files.unpin(blob);
  }
}
