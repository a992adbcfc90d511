import type { OpenObject } from '../../../objects/embedded/open-object.ts';
import { checkReadConditions, READ_CONDITIONS } from '../conditions.ts';
import { checksumMembers } from '../object-headers.ts';
import { objectOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';
import { invalidArgument } from '../s3-error.ts';
import type { XmlMembers } from '../xml.ts';

const MAX_PARTS = 1000;

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

export async function getObjectAttributes(call: S3Call): Promise<S3Reply> {
  const wanted = String(call.headers['x-amz-object-attributes'] ?? '')
    .split(',')
    .map((name) => name.trim());
  const unknown = wanted.find((name) => !ATTRIBUTES.includes(name));
  if (unknown !== undefined)
    throw invalidArgument('Invalid attribute name specified.', 'x-amz-object-attributes', unknown);
  await using object = await call.store.open(objectOf(call));
  const { record } = object;
  checkReadConditions(call.headers, READ_CONDITIONS, record);
  const { checksum, storageClass } = record.attributes;
  const has = (name: string): boolean => wanted.includes(name);
  return xmlReply(
    'GetObjectAttributesResponse',
    {
      ETag: has('ETag') ? record.etag : undefined,
      Checksum: has('Checksum') && checksum ? checksumMembers(checksum) : undefined,
      ObjectParts: has('ObjectParts') && object.partCount !== undefined ? partsOf(call, object) : undefined,
      StorageClass: has('StorageClass') ? (storageClass ?? 'STANDARD') : undefined,
      ObjectSize: has('ObjectSize') ? record.size : undefined,
    },
    { 'Last-Modified': record.modifiedAt.toUTCString() },
  );
}

/** S3 lists single parts only where they have checksums; their number it always tells. */
function partsOf(call: S3Call, object: OpenObject): XmlMembers {
  const marker = headerCount(call, 'x-amz-part-number-marker', 0);
  const limit = Math.min(headerCount(call, 'x-amz-max-parts', MAX_PARTS), MAX_PARTS);
  const listed = object.parts.filter((part) => part.checksum !== undefined && part.number > marker);
  const page = listed.slice(0, limit);
  return {
    PartsCount: object.partCount,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: limit,
    IsTruncated: listed.length > page.length,
    Part: page.map(({ number, size, checksum }) => {
      const { ChecksumType: _, ...checksums } = checksumMembers(checksum);
      return { PartNumber: number, Size: size, ...checksums };
    }),
  };
}

function headerCount(call: S3Call, name: string, absent: number): number {
  const value = call.headers[name]?.toString();
  if (value === undefined) return absent;
  if (!/^\d{1,9}$/.test(value))
    throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, value);
  return Number(value);
}
