import { Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { openSqlite } from '../../store/sqlite.ts';

export interface StoreTable {
  readonly id: number;
  /** Counts the openings; part of every blob's name. */
  generation: number;
}

export interface BucketTable {
  name: string;
  created_at: number;
}

export interface ObjectTable {
  bucket: string;
  key: string;
  /** Names the segments; new with every write. */
  version: string;
  size: number;
  etag: string;
  /** Milliseconds since the epoch. */
  modified_at: number;
  /** JSON of `ObjectAttributes`. */
  attributes: string;
  /** The multipart upload that made it. */
  upload_id: string | null;
}

/** The bytes of an object, in order. Copies share blobs. */
export interface SegmentTable {
  version: string;
  /** 1, or the part's number. */
  number: number;
  /** `null` for no bytes. */
  blob: string | null;
  size: number;
  etag: string;
  /** JSON of `ObjectChecksum`. */
  checksum: string | null;
}

export interface UploadTable {
  id: string;
  bucket: string;
  key: string;
  started_at: number;
  attributes: string;
  checksum_algorithm: string | null;
  checksum_type: string | null;
}

export interface UploadPartTable {
  upload_id: string;
  number: number;
  blob: string | null;
  size: number;
  etag: string;
  checksum: string | null;
  modified_at: number;
}

export interface ObjectTables {
  store: StoreTable;
  bucket: BucketTable;
  object: ObjectTable;
  segment: SegmentTable;
  upload: UploadTable;
  upload_part: UploadPartTable;
}

/** Brings the index up to date and counts this opening. */
export async function migrate(db: Kysely<ObjectTables>): Promise<{ generation: number }> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
  const counted = db.updateTable('store').set((expression) => ({ generation: expression('generation', '+', 1) }));
  return await counted.returning('generation').executeTakeFirstOrThrow();
}

/** Every blob that a copy of an index names, once. */
export async function blobsOfIndex(path: string): Promise<string[]> {
  const db = new Kysely<ObjectTables>({ dialect: openSqlite(path) });
  try {
    const segments = db.selectFrom('segment').select('blob').where('blob', 'is not', null);
    const parts = db.selectFrom('upload_part').select('blob').where('blob', 'is not', null);
    const rows = await segments.union(parts).execute();
    // One file, with nothing beside it.
    await sql`pragma journal_mode = delete`.execute(db);
    return rows.flatMap(({ blob }) => blob ?? []);
  } finally {
    await db.destroy();
  }
}

/** Names sort; text columns compare as UTF-8 bytes, which is the order that S3 lists keys in. */
const migrations: Record<string, Migration> = {
  '0001-objects': {
    async up(db: Kysely<unknown>): Promise<void> {
      const statements = [
        sql`create table store (id integer primary key check (id = 1), generation integer not null) strict`,
        sql`insert into store values (1, 0)`,
        sql`create table bucket (name text primary key, created_at integer not null) strict, without rowid`,
        sql`create table object (
              bucket text not null references bucket (name), key text not null, version text not null,
              size integer not null, etag text not null, modified_at integer not null, attributes text not null,
              upload_id text, primary key (bucket, key)) strict, without rowid`,
        sql`create table segment (
              version text not null, number integer not null, blob text, size integer not null, etag text not null,
              checksum text, primary key (version, number)) strict, without rowid`,
        sql`create index segment_blob on segment (blob)`,
        sql`create table upload (
              id text primary key, bucket text not null references bucket (name), key text not null,
              started_at integer not null, attributes text not null, checksum_algorithm text, checksum_type text
            ) strict, without rowid`,
        sql`create unique index upload_key on upload (bucket, key, id)`,
        sql`create table upload_part (
              upload_id text not null references upload (id) on delete cascade, number integer not null, blob text,
              size integer not null, etag text not null, checksum text, modified_at integer not null,
              primary key (upload_id, number)) strict, without rowid`,
        sql`create index upload_part_blob on upload_part (blob)`,
      ];
      for (const statement of statements) await statement.execute(db);
    },
  },
};
