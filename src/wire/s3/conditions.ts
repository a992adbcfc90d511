import type { IncomingHttpHeaders } from 'node:http';
import type { ObjectRecord, WriteCondition } from '../../objects/embedded/records.ts';
import { preconditionFailed } from '../../objects/embedded/storage-error.ts';
import { notImplemented, S3Error } from './s3-error.ts';

/** The four headers of a conditional read; a copy has them under names of its own. */
export interface ReadConditionNames {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly ifUnmodifiedSince: string;
}

export const READ_CONDITIONS: ReadConditionNames = {
  ifMatch: 'if-match',
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
  ifUnmodifiedSince: 'if-unmodified-since',
};

export const COPY_SOURCE_CONDITIONS: ReadConditionNames = {
  ifMatch: 'x-amz-copy-source-if-match',
  ifNoneMatch: 'x-amz-copy-source-if-none-match',
  ifModifiedSince: 'x-amz-copy-source-if-modified-since',
  ifUnmodifiedSince: 'x-amz-copy-source-if-unmodified-since',
};

/**
 * Checks a conditional read in the order of RFC 9110, section 13.2.2: an ETag condition decides over its date.
 * @throws S3Error NotModified, StorageError PreconditionFailed
 */
export function checkReadConditions(
  headers: IncomingHttpHeaders,
  names: ReadConditionNames,
  record: ObjectRecord,
): void {
  const header = (name: string): string | undefined => headers[name]?.toString();
  const ifMatch = header(names.ifMatch);
  const ifNoneMatch = header(names.ifNoneMatch);
  // HTTP dates count in seconds.
  const modified = Math.floor(record.modifiedAt.getTime() / 1000);
  const unmodifiedSince = secondsOf(header(names.ifUnmodifiedSince));
  const modifiedSince = secondsOf(header(names.ifModifiedSince));

  if (ifMatch !== undefined) {
    if (!matchesETag(ifMatch, record.etag)) throw preconditionFailed(names.ifMatch);
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) {
    throw preconditionFailed(names.ifUnmodifiedSince);
  }
  const isCopy = names === COPY_SOURCE_CONDITIONS;
  if (ifNoneMatch !== undefined) {
    if (matchesETag(ifNoneMatch, record.etag))
      throw isCopy ? preconditionFailed(names.ifNoneMatch) : notModified(record);
  } else if (modifiedSince !== undefined && modified <= modifiedSince) {
    throw isCopy ? preconditionFailed(names.ifModifiedSince) : notModified(record);
  }
}

/** The conditions of a write: S3 knows `If-None-Match: *` and `If-Match: <etag>`. */
export function writeConditionOf(headers: IncomingHttpHeaders): WriteCondition {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match with an ETag on a write');
  return {
    ...(ifMatch !== undefined && { ifMatch: unquoted(ifMatch) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
  };
}

/** An ETag as it is kept: without quotes. */
export function unquoted(etag: string): string {
  return etag.trim().replace(/^"(.*)"$/s, '$1');
}

function matchesETag(list: string, etag: string): boolean {
  return list.split(',').some((item) => item.trim() === '*' || unquoted(item.trim().replace(/^W\//, '')) === etag);
}

/** A date that cannot be read is no condition. */
function secondsOf(date: string | undefined): number | undefined {
  const milliseconds = Date.parse(date ?? '');
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

function notModified(record: ObjectRecord): S3Error {
  return new S3Error(
    'NotModified',
    'Not Modified',
    {},
    { ETag: `"${record.etag}"`, 'Last-Modified': record.modifiedAt.toUTCString() },
  );
}
