import { randomUUID } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { ObjectAttributes, ObjectName, ObjectRecord, WriteCondition } from './records.ts';
import type { ObjectTable, ObjectTables, SegmentTable } from './schema.ts';
import { noSuchBucket, noSuchKey, preconditionFailed } from './storage-error.ts';

export type ObjectRow = Selectable<ObjectTable>;
export type NewSegment = Omit<Selectable<SegmentTable>, 'version'>;

/** What a write makes of an object, beside its bytes. */
export interface NewObject {
  readonly size: number;
  readonly etag: string;
  readonly attributes: ObjectAttributes;
  readonly uploadId?: string;
}

/** Rows of one INSERT; SQLite takes 32,766 values. */
const SEGMENTS_AT_ONCE = 500;

type Queries = Kysely<ObjectTables>;
type Write = Transaction<ObjectTables>;

export async function checkBucket(db: Queries, bucket: string): Promise<void> {
  const row = await db.selectFrom('bucket').select('name').where('name', '=', bucket).executeTakeFirst();
  if (row === undefined) throw noSuchBucket(bucket);
}

export async function findObject(db: Queries, { bucket, key }: ObjectName): Promise<ObjectRow | undefined> {
  const query = db.selectFrom('object').selectAll().where('bucket', '=', bucket).where('key', '=', key);
  return await query.executeTakeFirst();
}

/** @throws StorageError NoSuchBucket, NoSuchKey */
export async function getObject(db: Queries, name: ObjectName): Promise<ObjectRow> {
  const row = await findObject(db, name);
  if (row !== undefined) return row;
  await checkBucket(db, name.bucket);
  throw noSuchKey(name.key);
}

/** @throws StorageError PreconditionFailed, or NoSuchKey when an object was to match and there is none */
export function checkWriteCondition(key: string, current: ObjectRow | undefined, condition: WriteCondition): void {
  const { ifMatch, ifNoneMatch } = condition;
  const matches = (wanted: string): boolean => current !== undefined && (wanted === '*' || wanted === current.etag);
  if (ifMatch !== undefined && current === undefined) throw noSuchKey(key);
  if (ifMatch !== undefined && !matches(ifMatch)) throw preconditionFailed('If-Match');
  if (ifNoneMatch !== undefined && matches(ifNoneMatch)) throw preconditionFailed('If-None-Match');
}

/**
 * Puts an object in place of whatever had its key.
 * @returns the record, and the blobs that nothing names any more once the transaction is committed
 */
export async function replaceObject(
  write: Write,
  name: ObjectName,
  object: NewObject,
  segments: readonly NewSegment[],
): Promise<{ record: ObjectRecord; orphans: readonly string[] }> {
  const orphans = await removeObject(write, name);
  const row: ObjectRow = {
    bucket: name.bucket,
    key: name.key,
    version: randomUUID(),
    size: object.size,
    etag: object.etag,
    modified_at: Date.now(),
    attributes: JSON.stringify(object.attributes),
    upload_id: object.uploadId ?? null,
  };
  await write.insertInto('object').values(row).execute();
  for (let from = 0; from < segments.length; from += SEGMENTS_AT_ONCE) {
    const some = segments.slice(from, from + SEGMENTS_AT_ONCE);
    const rows = some.map((segment) => ({ ...segment, version: row.version }));
    await write.insertInto('segment').values(rows).execute();
  }
  const inPlace = new Set(segments.map((segment) => segment.blob));
  return { record: recordOf(row), orphans: orphans.filter((blob) => !inPlace.has(blob)) };
}

/** @returns the blobs that nothing names any more once the transaction is committed; none when there was no object */
export async function removeObject(write: Write, { bucket, key }: ObjectName): Promise<readonly string[]> {
  const removed = await write
    .deleteFrom('object')
    .where('bucket', '=', bucket)
    .where('key', '=', key)
    .returning('version')
    .executeTakeFirst();
  if (removed === undefined) return [];
  const segments = await write.deleteFrom('segment').where('version', '=', removed.version).returning('blob').execute();
  return await unreferenced(
    write,
    segments.flatMap(({ blob }) => blob ?? []),
  );
}

/** Those of the blobs that neither an object nor a part of an upload names. */
export async function unreferenced(db: Queries, blobs: readonly string[]): Promise<readonly string[]> {
  if (blobs.length === 0) return [];
  const candidates = await sql<{ blob: string }>`
    select value as blob from json_each(${JSON.stringify(blobs)})
    where not exists (select 1 from segment where segment.blob = value)
      and not exists (select 1 from upload_part where upload_part.blob = value)`.execute(db);
  return candidates.rows.map((row) => row.blob);
}

export function recordOf(row: ObjectRow): ObjectRecord {
  const { bucket, key, size, etag } = row;
  const attributes = JSON.parse(row.attributes) as ObjectAttributes;
  return { bucket, key, size, etag, modifiedAt: new Date(row.modified_at), attributes };
}
