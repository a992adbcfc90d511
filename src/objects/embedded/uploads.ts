import { createHash, randomBytes } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { ChecksumAlgorithm } from '../checksums.ts';
import type { BlobFiles, StagedBytes } from './blob-files.ts';
import type { Commits } from './commits.ts';
import { type Seek, walk, type Walked, withinPrefix } from './listing.ts';
import { afterPrefix, checkKey } from './names.ts';
import {
  checkBucket,
  checkWriteCondition,
  findObject,
  type NewSegment,
  recordOf,
  replaceObject,
  unreferenced,
} from './object-rows.ts';
import type {
  ObjectAttributes,
  ObjectChecksum,
  ObjectName,
  ObjectRecord,
  PartRecord,
  UploadRecord,
  WriteCondition,
} from './records.ts';
import type { ObjectTables, UploadPartTable, UploadTable } from './schema.ts';
import { noSuchUpload, StorageError } from './storage-error.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const MAX_PART_NUMBER = 10_000;
const MIN_PART_BYTES = 5 * 1024 * 1024;

/** Where a running upload is to be found. */
export interface UploadName extends ObjectName {
  readonly uploadId: string;
}

/** A part as the client names it when it completes an upload. */
export interface ClaimedPart {
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
  /** Base64. */
  readonly checksum?: string;
}

export interface NewUpload {
  readonly attributes: ObjectAttributes;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: ObjectChecksum['type'];
}

export interface ListUploadsQuery {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  readonly limit: number;
  readonly start: Seek<{ readonly key: string; readonly uploadId: string }>;
}

type UploadRow = Selectable<UploadTable>;
type PartRow = Selectable<UploadPartTable>;

/** Objects that are uploaded in parts. */
export class MultipartUploads {
  readonly #db: Kysely<ObjectTables>;
  readonly #files: BlobFiles;
  readonly #commits: Commits;

  constructor(db: Kysely<ObjectTables>, files: BlobFiles, commits: Commits) {
    this.#db = db;
    this.#files = files;
    this.#commits = commits;
  }

  /** @throws StorageError NoSuchBucket, KeyTooLongError */
  async create(name: ObjectName, upload: NewUpload): Promise<string> {
    checkKey(name.key);
    const id = randomBytes(24).toString('base64url');
    await this.#commits.run(async (write) => {
      await checkBucket(write, name.bucket);
      const row: UploadRow = {
        id,
        bucket: name.bucket,
        key: name.key,
        started_at: Date.now(),
        attributes: JSON.stringify(upload.attributes),
        checksum_algorithm: upload.checksumAlgorithm ?? null,
        checksum_type: upload.checksumType ?? null,
      };
      await write.insertInto('upload').values(row).execute();
    });
    return id;
  }

  /** @throws StorageError NoSuchUpload */
  async get(name: UploadName): Promise<UploadRecord> {
    return uploadOf(await findUpload(this.#db, name));
  }

  /** Makes staged bytes a part, in place of the one that had its number. @throws StorageError NoSuchUpload, InsufficientStorage */
  async putPart(name: UploadName, number: number, staged: StagedBytes, checksum?: ObjectChecksum): Promise<PartRecord> {
    const row: PartRow = {
      upload_id: name.uploadId,
      number,
      blob: staged.blob,
      size: staged.size,
      etag: staged.md5,
      checksum: checksum === undefined ? null : JSON.stringify(checksum),
      modified_at: Date.now(),
    };
    const orphans = await this.#commits.run(async (write) => {
      await findUpload(write, name);
      const former = await write
        .deleteFrom('upload_part')
        .where('upload_id', '=', name.uploadId)
        .where('number', '=', number)
        .returning('blob')
        .execute();
      await write.insertInto('upload_part').values(row).execute();
      return former.flatMap(({ blob }) => blob ?? []);
    });
    staged.keep();
    await this.#files.remove(orphans);
    return partOf(row);
  }

  /** Parts behind a number, in order. @throws StorageError NoSuchUpload */
  async listParts(name: UploadName, behind: number, limit: number): Promise<readonly PartRecord[]> {
    await findUpload(this.#db, name);
    const parts = this.#db.selectFrom('upload_part').selectAll().where('upload_id', '=', name.uploadId);
    const rows = await parts.where('number', '>', behind).orderBy('number').limit(limit).execute();
    return rows.map(partOf);
  }

  /** @throws StorageError NoSuchUpload */
  async abort(name: UploadName): Promise<void> {
    const orphans = await this.#commits.run(async (write) => {
      await findUpload(write, name);
      return await removeUpload(write, name.uploadId);
    });
    await this.#files.remove(orphans);
  }

  /**
   * Makes the parts one object, at once and without moving a byte. Completing again what has been completed succeeds, for
   * as long as the object is the one that it made: a client may not have had the reply.
   * @param checksumOf the object's checksum from its parts; it may throw to refuse them
   * @throws StorageError NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, PreconditionFailed
   */
  async complete(
    name: UploadName,
    claimed: readonly ClaimedPart[],
    checksumOf: (upload: UploadRecord, parts: readonly PartRecord[]) => Promise<ObjectChecksum | undefined>,
    condition: WriteCondition = {},
  ): Promise<ObjectRecord> {
    const { record, orphans } = await this.#commits.run(async (write) => {
      const current = await findObject(write, name);
      if (current?.upload_id === name.uploadId) return { record: recordOf(current), orphans: [] };
      const upload = uploadOf(await findUpload(write, name));
      checkWriteCondition(name.key, current, condition);
      const rows = await claimParts(write, name.uploadId, claimed);
      const checksum = await checksumOf(upload, rows.map(partOf));
      const object = {
        size: rows.reduce((sum, row) => sum + row.size, 0),
        etag: multipartETag(rows),
        attributes: { ...upload.attributes, checksum },
        uploadId: name.uploadId,
      };
      const replaced = await replaceObject(write, name, object, rows.map(segmentOf));
      const unused = await removeUpload(write, name.uploadId);
      return { record: replaced.record, orphans: [...replaced.orphans, ...unused] };
    });
    await this.#files.remove(orphans);
    return record;
  }

  /** One page of a bucket's running uploads, by key and then by id. @throws StorageError NoSuchBucket */
  async list(
    bucket: string,
    query: ListUploadsQuery,
  ): Promise<Walked<UploadRecord, { readonly key: string; readonly uploadId: string }>> {
    await checkBucket(this.#db, bucket);
    const inBucket = this.#db.selectFrom('upload').selectAll().where('bucket', '=', bucket);
    const ordered = inBucket.orderBy('key').orderBy('id');
    const within = query.prefix === '' ? ordered : ordered.where('key', '<', afterPrefix(query.prefix));
    return await walk({
      ...query,
      start: withinPrefix(query.start, query.prefix, ({ key }) => key),
      fetch: async (seek, count) => {
        const rest =
          'atKey' in seek
            ? within.where('key', '>=', seek.atKey)
            : within.where(sql<boolean>`(key, id) > (${seek.behind.key}, ${seek.behind.uploadId})`);
        return (await rest.limit(count).execute()).map(uploadOf);
      },
      positionOf: ({ key, uploadId }) => ({ key, uploadId }),
    });
  }
}

async function findUpload(db: Kysely<ObjectTables>, { bucket, key, uploadId }: UploadName): Promise<UploadRow> {
  const row = await db.selectFrom('upload').selectAll().where('id', '=', uploadId).executeTakeFirst();
  if (row?.bucket === bucket && row.key === key) return row;
  await checkBucket(db, bucket);
  throw noSuchUpload(uploadId);
}

async function removeUpload(write: Transaction<ObjectTables>, uploadId: string): Promise<readonly string[]> {
  const parts = await write.deleteFrom('upload_part').where('upload_id', '=', uploadId).returning('blob').execute();
  await write.deleteFrom('upload').where('id', '=', uploadId).execute();
  return await unreferenced(
    write,
    parts.flatMap(({ blob }) => blob ?? []),
  );
}

/** The rows of the parts that a client names, when they are as it says and make an object. */
async function claimParts(
  write: Transaction<ObjectTables>,
  uploadId: string,
  claimed: readonly ClaimedPart[],
): Promise<readonly PartRow[]> {
  const stored = await write.selectFrom('upload_part').selectAll().where('upload_id', '=', uploadId).execute();
  const byNumber = new Map(stored.map((row) => [row.number, row]));
  if (claimed.some((part, index) => index > 0 && part.number <= (claimed[index - 1] as ClaimedPart).number)) {
    throw new StorageError(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
      { UploadId: uploadId },
    );
  }
  return claimed.map((part, index) => {
    const row = byNumber.get(part.number);
    if (row === undefined || row.etag !== part.etag || !sameChecksum(row, part)) throw invalidPart(uploadId, part);
    if (row.size < MIN_PART_BYTES && index < claimed.length - 1) throw entityTooSmall(row);
    return row;
  });
}

function sameChecksum(row: PartRow, { checksum }: ClaimedPart): boolean {
  return checksum === undefined || checksum === partOf(row).checksum?.value;
}

function invalidPart(uploadId: string, { number, etag }: ClaimedPart): StorageError {
  return new StorageError(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { UploadId: uploadId, PartNumber: String(number), ETag: etag },
  );
}

function entityTooSmall(row: PartRow): StorageError {
  return new StorageError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
    ProposedSize: String(row.size),
    MinSizeAllowed: String(MIN_PART_BYTES),
    PartNumber: String(row.number),
    ETag: row.etag,
  });
}

function multipartETag(rows: readonly PartRow[]): string {
  const md5 = createHash('md5');
  for (const { etag } of rows) md5.update(Buffer.from(etag, 'hex'));
  return `${md5.digest('hex')}-${rows.length}`;
}

function segmentOf({ number, blob, size, etag, checksum }: PartRow): NewSegment {
  return { number, blob, size, etag, checksum };
}

function partOf(row: PartRow): PartRecord {
  return {
    number: row.number,
    size: row.size,
    etag: row.etag,
    modifiedAt: new Date(row.modified_at),
    ...(row.checksum !== null && { checksum: JSON.parse(row.checksum) as ObjectChecksum }),
  };
}

function uploadOf(row: UploadRow): UploadRecord {
  return {
    bucket: row.bucket,
    key: row.key,
    uploadId: row.id,
    startedAt: new Date(row.started_at),
    attributes: JSON.parse(row.attributes) as ObjectAttributes,
    ...(row.checksum_algorithm !== null && { checksumAlgorithm: row.checksum_algorithm as ChecksumAlgorithm }),
    ...(row.checksum_type !== null && { checksumType: row.checksum_type as ObjectChecksum['type'] }),
  };
}
