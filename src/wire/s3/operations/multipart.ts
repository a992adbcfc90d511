import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../../../objects/checksums.ts';
import type { ObjectChecksum, PartRecord, UploadRecord } from '../../../objects/embedded/records.ts';
import { type ClaimedPart, MAX_PART_NUMBER, type UploadName } from '../../../objects/embedded/uploads.ts';
import { checkReadConditions, COPY_SOURCE_CONDITIONS, unquoted, writeConditionOf } from '../conditions.ts';
import { multipartChecksum } from '../multipart-checksum.ts';
import { attributesOf, checksumHeaders, checksumMembers, encryptionHeaders } from '../object-headers.ts';
import { checksumHeader } from '../payload.ts';
import { type ByteRange, rangeOf } from '../ranges.ts';
import { objectOf, partNumberOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';
import { invalidArgument, invalidRequest, malformedXml, S3Error } from '../s3-error.ts';
import type { XmlElement } from '../xml.ts';
import { copySourceOf } from './copy-object.ts';

export async function createMultipartUpload(call: S3Call): Promise<S3Reply> {
  const attributes = attributesOf(call.headers);
  const checksumAlgorithm = checksumAlgorithmOf(call);
  const checksumType = checksumTypeOf(call, checksumAlgorithm);
  const upload = { attributes, ...(checksumAlgorithm && { checksumAlgorithm }), ...(checksumType && { checksumType }) };
  const uploadId = await call.store.uploads.create(objectOf(call), upload);
  const headers = {
    ...encryptionHeaders(attributes),
    ...(checksumAlgorithm && { 'x-amz-checksum-algorithm': checksumAlgorithm }),
    ...(checksumType && { 'x-amz-checksum-type': checksumType }),
  };
  const members = { Bucket: call.bucket, Key: call.key, UploadId: uploadId };
  return xmlReply('InitiateMultipartUploadResult', members, headers);
}

export async function uploadPart(call: S3Call): Promise<S3Reply> {
  const number = partNumberOf(call);
  const upload = await call.store.uploads.get(uploadOf(call));
  const payload = call.payload(upload.checksumAlgorithm);
  await using staged = await call.store.stage(payload.bytes());
  const checksum = payload.checksum();
  if (upload.checksumAlgorithm !== undefined && checksum?.algorithm !== upload.checksumAlgorithm) {
    throw invalidRequest(
      `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm.toLowerCase()}, actual checksum Type: ${checksum?.algorithm.toLowerCase()}`,
    );
  }
  const part = await call.store.uploads.putPart(upload, number, staged, checksum);
  const { 'x-amz-checksum-type': _, ...checksums } = checksumHeaders({ checksum });
  return {
    status: 200,
    headers: { ETag: `"${part.etag}"`, ...encryptionHeaders(upload.attributes), ...checksums },
  };
}

export async function uploadPartCopy(call: S3Call): Promise<S3Reply> {
  const number = partNumberOf(call);
  const upload = await call.store.uploads.get(uploadOf(call));
  await using source = await call.store.open(copySourceOf(call));
  checkReadConditions(call.headers, COPY_SOURCE_CONDITIONS, source.record);
  const range = copyRangeOf(call, source.record.size);
  await using staged = await call.store.stage(source.read(range?.start, range?.end));
  const part = await call.store.uploads.putPart(upload, number, staged);
  return xmlReply('CopyPartResult', { LastModified: part.modifiedAt, ETag: `"${part.etag}"` });
}

export async function completeMultipartUpload(call: S3Call): Promise<S3Reply> {
  const document = await call.document('CompleteMultipartUpload', { checksumOfAnother: true });
  const claimed = (document?.all('Part') ?? []).map(claimedPartOf);
  if (claimed.length === 0 || claimed.length > MAX_PART_NUMBER) throw malformedXml();
  const checksumOf = async (
    upload: UploadRecord,
    parts: readonly PartRecord[],
  ): Promise<ObjectChecksum | undefined> => {
    checkStatedSize(call, parts);
    const checksum = await multipartChecksum(upload, parts);
    const stated = checksum && call.headers[checksumHeader(checksum.algorithm)]?.toString();
    if (stated !== undefined && stated !== checksum?.value && stated !== checksum?.value.replace(/-\d+$/, '')) {
      throw new S3Error('BadDigest', `The ${checksum?.algorithm} you specified did not match the calculated checksum.`);
    }
    return checksum;
  };
  const record = await call.store.uploads.complete(uploadOf(call), claimed, checksumOf, writeConditionOf(call.headers));
  const members = {
    Location: `${call.origin}/${call.bucket}/${encodeURIComponent(call.key)}`,
    Bucket: call.bucket,
    Key: call.key,
    ETag: `"${record.etag}"`,
    ...checksumMembers(record.attributes.checksum),
  };
  return xmlReply('CompleteMultipartUploadResult', members, encryptionHeaders(record.attributes));
}

export async function abortMultipartUpload(call: S3Call): Promise<S3Reply> {
  await call.store.uploads.abort(uploadOf(call));
  return { status: 204 };
}

function uploadOf(call: S3Call): UploadName {
  return { ...objectOf(call), uploadId: call.query.get('uploadId') ?? '' };
}

function copyRangeOf(call: S3Call, size: number): ByteRange | undefined {
  const header = call.headers['x-amz-copy-source-range']?.toString();
  if (header === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(header);
  if (match === null || Number(match[2]) >= size || Number(match[1]) > Number(match[2])) {
    throw invalidArgument(
      `The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy, within the source of ${size} bytes`,
      'x-amz-copy-source-range',
      header,
    );
  }
  return rangeOf(header, size);
}

function claimedPartOf(part: XmlElement): ClaimedPart {
  const number = Number(part.one('PartNumber')?.trim());
  const etag = part.one('ETag');
  if (!Number.isInteger(number) || etag === undefined) throw malformedXml();
  const checksum = CHECKSUM_ALGORITHMS.map((algorithm) => part.one(`Checksum${algorithm}`)).find(Boolean);
  return { number, etag: unquoted(etag), ...(checksum !== undefined && { checksum }) };
}

function checkStatedSize(call: S3Call, parts: readonly PartRecord[]): void {
  const stated = call.headers['x-amz-mp-object-size']?.toString();
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (stated !== undefined && stated !== String(size)) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${stated} does not match what was computed: ${size}`,
    );
  }
}

function checksumAlgorithmOf(call: S3Call): ChecksumAlgorithm | undefined {
  const value = call.headers['x-amz-checksum-algorithm']?.toString().toUpperCase();
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === value);
  if (value !== undefined && algorithm === undefined) {
    throw invalidRequest(
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    );
  }
  return algorithm;
}

function checksumTypeOf(call: S3Call, algorithm: ChecksumAlgorithm | undefined): ObjectChecksum['type'] | undefined {
  const value = call.headers['x-amz-checksum-type']?.toString().toUpperCase();
  if (algorithm === undefined) {
    if (value !== undefined)
      throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
    return undefined;
  }
  const byDefault = algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const type = value ?? byDefault;
  const possible = algorithm.startsWith('CRC')
    ? algorithm === 'CRC64NVME'
      ? ['FULL_OBJECT']
      : ['FULL_OBJECT', 'COMPOSITE']
    : ['COMPOSITE'];
  if (!possible.includes(type)) {
    throw invalidRequest(
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return type as ObjectChecksum['type'];
}
