import type { ObjectAttributes, ObjectName, ObjectRecord } from '../../../objects/embedded/records.ts';
import { checkReadConditions, COPY_SOURCE_CONDITIONS, writeConditionOf } from '../conditions.ts';
import { attributesOf, checksumMembers, encryptionHeaders } from '../object-headers.ts';
import { invalidArgument, invalidRequest } from '../s3-error.ts';
import { objectOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';

export async function copyObject(call: S3Call): Promise<S3Reply> {
  const source = copySourceOf(call);
  const target = objectOf(call);
  const requested = attributesOf(call.headers);
  const replacesMetadata = directive(call, 'x-amz-metadata-directive') === 'REPLACE';
  const replacesTags = directive(call, 'x-amz-tagging-directive') === 'REPLACE';
  const changes = replacesMetadata || requested.encryption !== undefined || 'x-amz-storage-class' in call.headers;
  if (source.bucket === target.bucket && source.key === target.key && !changes) {
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const change = (record: ObjectRecord): ObjectAttributes => {
    checkReadConditions(call.headers, COPY_SOURCE_CONDITIONS, record);
    const { tags, checksum, encryption: _, storageClass: __, ...metadata } = record.attributes;
    const { tags: newTags, encryption, storageClass, ...newMetadata } = requested;
    const keptTags = replacesTags ? newTags : tags;
    return {
      ...(replacesMetadata ? newMetadata : metadata),
      ...(keptTags && { tags: keptTags }),
      ...(encryption && { encryption }),
      ...(storageClass && { storageClass }),
      ...(checksum && { checksum }),
    };
  };
  const record = await call.store.copy(source, target, change, writeConditionOf(call.headers));
  return xmlReply(
    'CopyObjectResult',
    { LastModified: record.modifiedAt, ETag: `"${record.etag}"`, ...checksumMembers(record.attributes.checksum) },
    encryptionHeaders(record.attributes),
  );
}

/** The object that a copy reads. @throws S3Error InvalidArgument, AccessDenied */
export function copySourceOf(call: S3Call): ObjectName {
  const source = readCopySource(call);
  call.authorize('s3:GetObject', source);
  return source;
}

/** Reads `x-amz-copy-source`: `bucket/key`, percent-encoded, a slash before it or not. */
function readCopySource(call: S3Call): ObjectName {
  const header = String(call.headers['x-amz-copy-source']);
  const [path = '', version] = header.replace(/^\//, '').split('?', 2);
  if (version !== undefined && version !== 'versionId=null') {
    throw invalidArgument('Invalid version id specified', 'x-amz-copy-source', header);
  }
  const slash = path.indexOf('/');
  try {
    const bucket = decodeURIComponent(slash === -1 ? path.replace(/%2F.*/i, '') : path.slice(0, slash));
    const key = decodeURIComponent(slash === -1 ? path.replace(/^.*?%2F/i, '') : path.slice(slash + 1));
    if (bucket !== '' && key !== '' && path !== key) return { bucket, key };
  } catch {
    // not percent-encoded UTF-8
  }
  throw invalidArgument('Invalid copy source object key', 'x-amz-copy-source', header);
}

function directive(call: S3Call, name: string): 'COPY' | 'REPLACE' {
  const value = call.headers[name]?.toString() ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') throw invalidArgument('Unknown directive.', name, value);
  return value;
}
