import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { openSqlite, type OwnSqliteDialect } from '../../store/sqlite.ts';
import { BlobFiles, type StagedBytes } from './blob-files.ts';
import { Commits } from './commits.ts';
import { type Seek, walk, type Walked, withinPrefix } from './listing.ts';
import { afterPrefix, checkBucketName, checkKey } from './names.ts';
import {
  checkBucket,
  checkWriteCondition,
  findObject,
  getObject,
  type NewSegment,
  recordOf,
  removeObject,
  replaceObject,
  unreferenced,
} from './object-rows.ts';
import { OpenObject } from './open-object.ts';
import type { BucketRecord, ObjectAttributes, ObjectName, ObjectRecord, WriteCondition } from './records.ts';
import { blobsOfIndex, migrate, type ObjectTables } from './schema.ts';
import { noSuchBucket, StorageError } from './storage-error.ts';
import { MultipartUploads } from './uploads.ts';

export interface ListObjectsQuery {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  readonly limit: number;
  readonly start: Seek<string>;
}

/**
 * Buckets and objects in a folder: names and attributes in a SQLite file, bytes in files beside it. What returned is on
 * disk; a process killed at any moment leaves whole objects. One process at a time may have the folder open.
 */
export class EmbeddedStore {
  readonly uploads: MultipartUploads;
  /** Resolves when what an earlier process left behind has been removed; the store is in service before that. */
  readonly swept: Promise<number>;
  readonly #db: Kysely<ObjectTables>;
  readonly #files: BlobFiles;
  readonly #commits: Commits;
  readonly #closing = new AbortController();

  readonly #folder: string;
  readonly #dialect: OwnSqliteDialect;

  private constructor(folder: string, dialect: OwnSqliteDialect, db: Kysely<ObjectTables>, files: BlobFiles) {
    this.#folder = folder;
    this.#dialect = dialect;
    this.#db = db;
    this.#files = files;
    this.#commits = new Commits(db);
    this.uploads = new MultipartUploads(db, files, this.#commits);
    this.swept = files.sweep((blobs) => unreferenced(db, blobs), this.#closing.signal);
    this.swept.catch(() => undefined); // told to whoever awaits it; nothing in service depends on it
  }

  /** Opens the folder, which is made unless it exists; fails when another process has it open. */
  static async open(folder: string): Promise<EmbeddedStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const dialect = openSqlite(join(folder, 'index.sqlite'), { exclusive: true });
    const db = new Kysely<ObjectTables>({ dialect });
    try {
      const { generation } = await migrate(db);
      return new EmbeddedStore(folder, dialect, db, await BlobFiles.open(folder, generation));
    } catch (error) {
      await db.destroy();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.swept.catch(() => undefined);
    await this.#files.close();
    await this.#db.destroy();
  }

  /**
   * Writes a copy of the index, as it is at one moment, for a backup. The bytes that it names stay until the copy is disposed of.
   * @returns the store's folder, and the files below it that hold them
   */
  async copyIndex(
    path: string,
  ): Promise<AsyncDisposable & { readonly folder: string; readonly files: readonly string[] }> {
    const hold = this.#files.hold();
    try {
      await this.#dialect.copyTo(path);
      const files = (await blobsOfIndex(path)).map((blob) => BlobFiles.pathOf(blob));
      return { folder: this.#folder, files, [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose]() };
    } catch (error) {
      await hold[Symbol.asyncDispose]();
      throw error;
    }
  }

  // ---- buckets

  /** @throws StorageError InvalidBucketName, BucketAlreadyOwnedByYou */
  async createBucket(name: string): Promise<void> {
    if (!(await this.ensureBucket(name))) {
      throw new StorageError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        { BucketName: name },
      );
    }
  }

  /** Creates the bucket unless it exists; tells whether it did. */
  async ensureBucket(name: string): Promise<boolean> {
    checkBucketName(name);
    const { numInsertedOrUpdatedRows } = await this.#commits.run((write) => {
      const insert = write.insertInto('bucket').values({ name, created_at: Date.now() });
      return insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
    });
    return numInsertedOrUpdatedRows === 1n;
  }

  async bucketExists(name: string): Promise<boolean> {
    const row = await this.#db.selectFrom('bucket').select('name').where('name', '=', name).executeTakeFirst();
    return row !== undefined;
  }

  /** @throws StorageError NoSuchBucket */
  async checkBucket(name: string): Promise<void> {
    await checkBucket(this.#db, name);
  }

  async listBuckets(): Promise<readonly BucketRecord[]> {
    const rows = await this.#db.selectFrom('bucket').selectAll().orderBy('name').execute();
    return rows.map((row) => ({ name: row.name, createdAt: new Date(row.created_at) }));
  }

  /** Removes a bucket without objects, and the uploads that run in it. @throws StorageError NoSuchBucket, BucketNotEmpty */
  async deleteBucket(name: string): Promise<void> {
    const orphans = await this.#commits.run(async (write) => {
      const object = await write.selectFrom('object').select('key').where('bucket', '=', name).limit(1).execute();
      if (object.length > 0) {
        throw new StorageError('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
      }
      const uploads = write.selectFrom('upload').select('id').where('bucket', '=', name);
      const parts = await write.deleteFrom('upload_part').where('upload_id', 'in', uploads).returning('blob').execute();
      await write.deleteFrom('upload').where('bucket', '=', name).execute();
      const { numDeletedRows } = await write.deleteFrom('bucket').where('name', '=', name).executeTakeFirstOrThrow();
      if (numDeletedRows === 0n) throw noSuchBucket(name);
      return parts.flatMap(({ blob }) => blob ?? []);
    });
    await this.#files.remove(orphans);
  }

  // ---- objects

  /** Makes bytes durable without giving them a name yet; a body that throws leaves nothing. */
  async stage(body: AsyncIterable<Uint8Array>): Promise<StagedBytes> {
    return await this.#files.stage(body);
  }

  /**
   * Names staged bytes, in place of what had that name.
   * @throws StorageError NoSuchBucket, NoSuchKey, PreconditionFailed, KeyTooLongError, InsufficientStorage
   */
  async put(
    name: ObjectName,
    staged: StagedBytes,
    attributes: ObjectAttributes,
    condition: WriteCondition = {},
  ): Promise<ObjectRecord> {
    checkKey(name.key);
    const { blob, size, md5 } = staged;
    const segments: NewSegment[] = blob === null ? [] : [{ number: 1, blob, size, etag: md5, checksum: null }];
    const { record, orphans } = await this.#commits.run(async (write) => {
      await this.checkBucketAndCondition(name, condition, write);
      return await replaceObject(write, name, { size, etag: md5, attributes }, segments);
    });
    staged.keep();
    await this.#files.remove(orphans);
    return record;
  }

  /** Refuses what `put` would refuse, before a body is read for nothing. */
  async checkBucketAndCondition(
    name: ObjectName,
    condition: WriteCondition,
    db: Kysely<ObjectTables> = this.#db,
  ): Promise<void> {
    checkKey(name.key);
    await checkBucket(db, name.bucket);
    if (condition.ifMatch === undefined && condition.ifNoneMatch === undefined) return;
    checkWriteCondition(name.key, await findObject(db, name), condition);
  }

  /** @throws StorageError NoSuchBucket, NoSuchKey */
  async head(name: ObjectName): Promise<ObjectRecord> {
    return recordOf(await getObject(this.#db, name));
  }

  /** @throws StorageError NoSuchBucket, NoSuchKey */
  async open(name: ObjectName): Promise<OpenObject> {
    return await OpenObject.open(this.#db, this.#files, name);
  }

  /** Removes an object; one that is not there is no error. @throws StorageError NoSuchBucket, PreconditionFailed */
  async delete(name: ObjectName, condition: WriteCondition = {}): Promise<void> {
    const orphans = await this.#commits.run(async (write) => {
      await checkBucket(write, name.bucket);
      if (condition.ifMatch !== undefined) checkWriteCondition(name.key, await findObject(write, name), condition);
      return await removeObject(write, name);
    });
    await this.#files.remove(orphans);
  }

  /** Removes objects in one transaction; those that are not there are no error. @throws StorageError NoSuchBucket */
  async deleteAll(bucket: string, keys: readonly string[]): Promise<void> {
    const orphans = await this.#commits.run(async (write) => {
      await checkBucket(write, bucket);
      const removed: string[] = [];
      for (const key of keys) removed.push(...(await removeObject(write, { bucket, key })));
      return removed;
    });
    await this.#files.remove(orphans);
  }

  /**
   * Copies an object by naming its bytes once more.
   * @param change makes the copy's attributes from the source, and throws when the source is not as expected
   */
  async copy(
    source: ObjectName,
    target: ObjectName,
    change: (source: ObjectRecord) => ObjectAttributes,
    condition: WriteCondition = {},
  ): Promise<ObjectRecord> {
    const { record, orphans } = await this.#commits.run(async (write) => {
      const row = await getObject(write, source);
      await this.checkBucketAndCondition(target, condition, write);
      const segments = await write.selectFrom('segment').selectAll().where('version', '=', row.version).execute();
      const { size, etag } = row;
      return await replaceObject(write, target, { size, etag, attributes: change(recordOf(row)) }, segments);
    });
    await this.#files.remove(orphans);
    return record;
  }

  /** Changes an object's attributes and leaves the rest, its time included. @throws StorageError NoSuchBucket, NoSuchKey */
  async changeAttributes(name: ObjectName, change: (current: ObjectAttributes) => ObjectAttributes): Promise<void> {
    await this.#commits.run(async (write) => {
      const { attributes } = recordOf(await getObject(write, name));
      await write
        .updateTable('object')
        .set({ attributes: JSON.stringify(change(attributes)) })
        .where('bucket', '=', name.bucket)
        .where('key', '=', name.key)
        .execute();
    });
  }

  /** One page of a bucket's objects, in UTF-8 order of their keys. @throws StorageError NoSuchBucket */
  async list(bucket: string, query: ListObjectsQuery): Promise<Walked<ObjectRecord, string>> {
    await checkBucket(this.#db, bucket);
    const inBucket = this.#db.selectFrom('object').selectAll().where('bucket', '=', bucket).orderBy('key');
    const within = query.prefix === '' ? inBucket : inBucket.where('key', '<', afterPrefix(query.prefix));
    return await walk<ObjectRecord, string>({
      ...query,
      start: withinPrefix(query.start, query.prefix, (key) => key),
      fetch: async (seek, count) => {
        const rest = 'atKey' in seek ? within.where('key', '>=', seek.atKey) : within.where('key', '>', seek.behind);
        return (await rest.limit(count).execute()).map(recordOf);
      },
      positionOf: (row) => row.key,
    });
  }
}
