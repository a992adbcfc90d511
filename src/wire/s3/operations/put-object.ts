import { writeConditionOf } from '../conditions.ts';
import { attributesOf, checksumHeaders, encryptionHeaders } from '../object-headers.ts';
import { objectOf, type S3Call, type S3Reply } from '../s3-call.ts';

export async function putObject(call: S3Call): Promise<S3Reply> {
  const name = objectOf(call);
  const condition = writeConditionOf(call.headers);
  const attributes = attributesOf(call.headers);
  const payload = call.payload();
  await call.store.checkBucketAndCondition(name, condition);
  await using staged = await call.store.stage(payload.bytes());
  const checksum = payload.checksum();
  const record = await call.store.put(name, staged, { ...attributes, ...(checksum && { checksum }) }, condition);
  return {
    status: 200,
    headers: { ETag: `"${record.etag}"`, ...encryptionHeaders(attributes), ...checksumHeaders({ checksum }) },
  };
}
