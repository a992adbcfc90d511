import { type Seek, startBehind } from '../../../objects/embedded/listing.ts';
import { MAX_PART_NUMBER } from '../../../objects/embedded/uploads.ts';
import { checksumMembers } from '../object-headers.ts';
import { countOf, keyEncoder, objectOf, ownerOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';

const MAX_UPLOADS = 1000;
const MAX_PARTS = 1000;
/** Greater than any upload id. */
const LAST_ID = '~';

export async function listMultipartUploads(call: S3Call): Promise<S3Reply> {
  const encode = keyEncoder(call);
  const prefix = call.query.get('prefix') ?? '';
  const delimiter = call.query.get('delimiter') ?? '';
  const keyMarker = call.query.get('key-marker') ?? '';
  const idMarker = keyMarker === '' ? '' : (call.query.get('upload-id-marker') ?? '');
  const limit = countOf(call, 'max-uploads', MAX_UPLOADS);
  const start = startOf(keyMarker, idMarker, prefix, delimiter);
  const page = await call.store.uploads.list(call.bucket, { prefix, delimiter, limit, start });
  const truncated = page.next !== undefined && limit > 0;
  const last = page.rows.at(-1);
  return xmlReply('ListMultipartUploadsResult', {
    Bucket: call.bucket,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: truncated ? encode(page.lastEntry ?? '') : undefined,
    NextUploadIdMarker: truncated && last?.key === page.lastEntry ? last?.uploadId : undefined,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: call.query.get('encoding-type') ?? undefined,
    MaxUploads: limit,
    IsTruncated: truncated,
    Upload: page.rows.map((upload) => ({
      Key: encode(upload.key),
      UploadId: upload.uploadId,
      Initiator: ownerOf(call),
      Owner: ownerOf(call),
      StorageClass: upload.attributes.storageClass ?? 'STANDARD',
      Initiated: upload.startedAt,
      ChecksumAlgorithm: upload.checksumAlgorithm,
      ChecksumType: upload.checksumType,
    })),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
}

function startOf(
  keyMarker: string,
  idMarker: string,
  prefix: string,
  delimiter: string,
): Seek<{ readonly key: string; readonly uploadId: string }> {
  if (keyMarker === '') return { atKey: '' };
  const seek = startBehind(keyMarker, prefix, delimiter);
  if ('atKey' in seek) return seek;
  return { behind: { key: keyMarker, uploadId: idMarker === '' ? LAST_ID : idMarker } };
}

export async function listParts(call: S3Call): Promise<S3Reply> {
  const limit = countOf(call, 'max-parts', MAX_PARTS);
  const marker = countOf(call, 'part-number-marker', MAX_PART_NUMBER, 0);
  const name = { ...objectOf(call), uploadId: call.query.get('uploadId') ?? '' };
  const upload = await call.store.uploads.get(name);
  const found = await call.store.uploads.listParts(name, marker, limit + 1);
  const parts = found.slice(0, limit);
  return xmlReply('ListPartsResult', {
    Bucket: call.bucket,
    Key: call.key,
    UploadId: name.uploadId,
    PartNumberMarker: marker,
    NextPartNumberMarker: parts.at(-1)?.number ?? 0,
    MaxParts: limit,
    IsTruncated: found.length > limit && limit > 0,
    Initiator: ownerOf(call),
    Owner: ownerOf(call),
    StorageClass: upload.attributes.storageClass ?? 'STANDARD',
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumType,
    Part: parts.map(({ number, modifiedAt, etag, size, checksum }) => {
      const { ChecksumType: _, ...checksums } = checksumMembers(checksum);
      return { PartNumber: number, LastModified: modifiedAt, ETag: `"${etag}"`, Size: size, ...checksums };
    }),
  });
}
