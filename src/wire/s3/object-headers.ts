import type { IncomingHttpHeaders } from 'node:http';
import type { ObjectAttributes, ObjectRecord, ObjectTag, StatedEncryption } from '../../objects/embedded/records.ts';
import { checkAclHeaders } from './acl-headers.ts';
import { checksumHeader } from './payload.ts';
import { invalidArgument, S3Error } from './s3-error.ts';
import { checkTags } from './tags.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
const MAX_METADATA_BYTES = 2 * 1024;
const METADATA_PREFIX = 'x-amz-meta-';

/** What may be written into a bucket of the general kind: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html */
const STORAGE_CLASSES: readonly string[] = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'GLACIER_IR',
  'DEEP_ARCHIVE',
];

type KeptHeader = Extract<
  keyof ObjectAttributes,
  | 'cacheControl'
  | 'contentDisposition'
  | 'contentEncoding'
  | 'contentLanguage'
  | 'contentType'
  | 'expires'
  | 'websiteRedirectLocation'
>;

/** Headers that are kept as they came, and returned. */
const KEPT_HEADERS: readonly (readonly [KeptHeader, string])[] = [
  ['cacheControl', 'Cache-Control'],
  ['contentDisposition', 'Content-Disposition'],
  ['contentEncoding', 'Content-Encoding'],
  ['contentLanguage', 'Content-Language'],
  ['contentType', 'Content-Type'],
  ['expires', 'Expires'],
  ['websiteRedirectLocation', 'x-amz-website-redirect-location'],
];

/** What a request's headers say of the object that it makes. @throws S3Error AccessControlListNotSupported, InvalidStorageClass, MetadataTooLarge, InvalidArgument, InvalidTag */
export function attributesOf(headers: IncomingHttpHeaders): ObjectAttributes {
  checkAclHeaders(headers);
  const kept: Partial<Record<KeptHeader, string>> = {};
  for (const [attribute, name] of KEPT_HEADERS) {
    const value = headers[name.toLowerCase()]?.toString();
    if (value !== undefined && value !== '') kept[attribute] = value;
  }
  const encoding = contentEncodingOf(kept.contentEncoding);
  const { contentEncoding: _, ...others } = kept;
  const tags = headers['x-amz-tagging']?.toString();
  return {
    ...others,
    ...(encoding !== undefined && { contentEncoding: encoding }),
    ...storageClassOf(headers),
    ...metadataOf(headers),
    ...(tags !== undefined && { tags: tagsOfQuery(tags) }),
    ...encryptionOf(headers),
  };
}

/** Kept when it is another than everybody's. */
function storageClassOf(headers: IncomingHttpHeaders): { storageClass?: string } {
  const storageClass = headers['x-amz-storage-class']?.toString() ?? 'STANDARD';
  if (!STORAGE_CLASSES.includes(storageClass)) {
    throw new S3Error('InvalidStorageClass', 'The storage class you specified is not valid', {
      StorageClassRequested: storageClass,
    });
  }
  return storageClass === 'STANDARD' ? {} : { storageClass };
}

/** `aws-chunked` is how the body came, and no property of the object. */
function contentEncodingOf(header: string | undefined): string | undefined {
  const codings = header?.split(',').map((coding) => coding.trim()) ?? [];
  const kept = codings.filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked');
  return kept.length === 0 ? undefined : kept.join(',');
}

function metadataOf(headers: IncomingHttpHeaders): { metadata?: Record<string, string> } {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(METADATA_PREFIX) ? [[name.slice(METADATA_PREFIX.length), String(value)] as const] : [],
  );
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Size: String(bytes),
      MaxSizeAllowed: String(MAX_METADATA_BYTES),
    });
  }
  return entries.length === 0 ? {} : { metadata: Object.fromEntries(entries) };
}

function encryptionOf(headers: IncomingHttpHeaders): { encryption?: StatedEncryption } {
  if (headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined) {
    throw new S3Error('NotImplemented', 'Encryption with keys of the customer (SSE-C) is not implemented.');
  }
  const algorithm = headers['x-amz-server-side-encryption']?.toString();
  if (algorithm === undefined) return {};
  if (!['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) {
    throw invalidArgument(
      'The encryption method specified is not supported',
      'x-amz-server-side-encryption',
      algorithm,
    );
  }
  const kmsKeyId = headers['x-amz-server-side-encryption-aws-kms-key-id']?.toString();
  const bucketKeyEnabled = headers['x-amz-server-side-encryption-bucket-key-enabled'] === 'true';
  return {
    encryption: {
      algorithm,
      ...(kmsKeyId !== undefined && { kmsKeyId }),
      ...(bucketKeyEnabled && { bucketKeyEnabled }),
    },
  };
}

function tagsOfQuery(query: string): readonly ObjectTag[] {
  return checkTags([...new URLSearchParams(query)].map(([key, value]) => ({ key, value })));
}

/** What a reader of an object is told in headers. */
export function objectHeaders(record: ObjectRecord, withChecksum: boolean): Record<string, string> {
  const { attributes } = record;
  const headers: Record<string, string> = {
    'Last-Modified': record.modifiedAt.toUTCString(),
    ETag: `"${record.etag}"`,
    'Accept-Ranges': 'bytes',
    'Content-Type': 'binary/octet-stream',
    ...encryptionHeaders(attributes),
  };
  for (const [attribute, name] of KEPT_HEADERS) {
    const value = attributes[attribute];
    if (value !== undefined) headers[name] = value;
  }
  for (const [name, value] of Object.entries(attributes.metadata ?? {})) headers[METADATA_PREFIX + name] = value;
  if (attributes.storageClass !== undefined) headers['x-amz-storage-class'] = attributes.storageClass;
  if (attributes.tags?.length) headers['x-amz-tagging-count'] = String(attributes.tags.length);
  if (withChecksum) Object.assign(headers, checksumHeaders(attributes));
  return headers;
}

export function encryptionHeaders({ encryption }: ObjectAttributes): Record<string, string> {
  if (encryption === undefined) return {};
  const { algorithm, kmsKeyId, bucketKeyEnabled } = encryption;
  return {
    'x-amz-server-side-encryption': algorithm,
    ...(kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
    ...(bucketKeyEnabled && { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' }),
  };
}

export function checksumHeaders({ checksum }: Pick<ObjectAttributes, 'checksum'>): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** A checksum as members of an XML document, e.g. `ChecksumCRC32`. */
export function checksumMembers(checksum: ObjectAttributes['checksum']): Record<string, string> {
  if (checksum === undefined) return {};
  return { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type };
}
