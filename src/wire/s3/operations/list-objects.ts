import type { ObjectRecord } from '../../../objects/embedded/records.ts';
import { type Seek, startBehind, type Walked } from '../../../objects/embedded/listing.ts';
import { invalidArgument } from '../s3-error.ts';
import { countOf, keyEncoder, ownerOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';
import { invalidToken, readToken, writeToken } from '../tokens.ts';
import type { XmlMembers } from '../xml.ts';

const MAX_KEYS = 1000;

type Page = Walked<ObjectRecord, string>;

/** ListObjects, the first version: pages by `marker`. */
export async function listObjects(call: S3Call): Promise<S3Reply> {
  const { encode, ...query } = queryOf(call);
  const marker = call.query.get('marker') ?? '';
  const page = await pageOf(call, query, startBehind(marker, query.prefix, query.delimiter));
  const truncated = page.next !== undefined;
  return xmlReply('ListBucketResult', {
    ...commonMembers(call, page, query, encode, () => ownerOf(call)),
    Marker: encode(marker),
    NextMarker: truncated && query.delimiter !== '' ? encode(page.lastEntry ?? '') : undefined,
  });
}

export async function listObjectsV2(call: S3Call): Promise<S3Reply> {
  const { encode, ...query } = queryOf(call);
  const token = call.query.get('continuation-token');
  const startAfter = call.query.get('start-after') ?? '';
  if (token === '') throw invalidArgument('The continuation token provided is incorrect', 'continuation-token', '');
  const start = token === null ? startBehind(startAfter, query.prefix, query.delimiter) : seekOf(token);
  const page = await pageOf(call, query, start);
  const withOwner = call.query.get('fetch-owner') === 'true';
  return xmlReply('ListBucketResult', {
    ...commonMembers(call, page, query, encode, () => (withOwner ? ownerOf(call) : undefined)),
    KeyCount: page.rows.length + page.commonPrefixes.length,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.next && writeToken(page.next),
    StartAfter: startAfter === '' ? undefined : encode(startAfter),
  });
}

/** Without versioning every object is its own only version. */
export async function listObjectVersions(call: S3Call): Promise<S3Reply> {
  const { encode, ...query } = queryOf(call);
  const marker = call.query.get('key-marker') ?? '';
  const page = await pageOf(call, query, startBehind(marker, query.prefix, query.delimiter));
  const { Contents, ...members } = commonMembers(call, page, query, encode, () => ownerOf(call));
  const versions = (Contents as readonly XmlMembers[]).map((item) => ({ ...item, VersionId: 'null', IsLatest: true }));
  return xmlReply('ListVersionsResult', {
    ...members,
    KeyMarker: encode(marker),
    VersionIdMarker: '',
    NextKeyMarker: page.next && encode(page.lastEntry ?? ''),
    NextVersionIdMarker: page.next && 'null',
    Version: versions,
  });
}

interface Query {
  readonly prefix: string;
  readonly delimiter: string;
  readonly limit: number;
}

function queryOf(call: S3Call): Query & { encode: (key: string) => string } {
  return {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    limit: countOf(call, 'max-keys', MAX_KEYS),
    encode: keyEncoder(call),
  };
}

async function pageOf(call: S3Call, query: Query, start: Seek<string>): Promise<Page> {
  const page = await call.store.list(call.bucket, { ...query, start });
  return query.limit === 0 ? { ...page, next: undefined } : page;
}

function commonMembers(
  call: S3Call,
  page: Page,
  { prefix, delimiter, limit }: Query,
  encode: (key: string) => string,
  owner: () => XmlMembers | undefined,
): XmlMembers {
  return {
    Name: call.bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: limit,
    EncodingType: call.query.get('encoding-type') ?? undefined,
    IsTruncated: page.next !== undefined,
    Contents: page.rows.map((record) => ({ ...contentOf(record, encode), Owner: owner() })),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  };
}

function contentOf(
  { key, modifiedAt, etag, size, attributes }: ObjectRecord,
  encode: (key: string) => string,
): XmlMembers {
  return {
    Key: encode(key),
    LastModified: modifiedAt,
    ETag: `"${etag}"`,
    ChecksumAlgorithm: attributes.checksum?.algorithm,
    ChecksumType: attributes.checksum?.type,
    Size: size,
    StorageClass: attributes.storageClass ?? 'STANDARD',
  };
}

function seekOf(token: string): Seek<string> {
  const position = readToken(token) as Partial<Record<'behind' | 'atKey', unknown>> | null;
  if (typeof position?.behind === 'string') return { behind: position.behind };
  if (typeof position?.atKey === 'string') return { atKey: position.atKey };
  throw invalidToken(token);
}
