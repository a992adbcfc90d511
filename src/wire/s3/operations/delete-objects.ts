import { StorageError } from '../../../objects/embedded/storage-error.ts';
import { unquoted } from '../conditions.ts';
import { malformedXml, S3Error } from '../s3-error.ts';
import { objectOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';
import type { XmlElement, XmlMembers } from '../xml.ts';

const MAX_KEYS = 1000;

export async function deleteObject(call: S3Call): Promise<S3Reply> {
  const ifMatch = call.headers['if-match'];
  await call.store.delete(objectOf(call), ifMatch === undefined ? {} : { ifMatch: unquoted(ifMatch) });
  return { status: 204 };
}

export async function deleteObjects(call: S3Call): Promise<S3Reply> {
  const document = await call.document('Delete');
  const objects = document?.all('Object') ?? [];
  if (objects.length === 0 || objects.length > MAX_KEYS) throw malformedXml();
  const quiet = document?.one('Quiet')?.trim() === 'true';
  const errors: XmlMembers[] = [];
  const allowed = objects.filter((object) => {
    const refusal = refusalOf(call, keyOf(object));
    if (refusal !== undefined) errors.push(refusal);
    return refusal === undefined;
  });
  const plain = allowed.filter((object) => object.one('ETag') === undefined).map(keyOf);
  await call.store.deleteAll(call.bucket, plain);
  const deleted: XmlMembers[] = plain.map((key) => ({ Key: key }));
  for (const object of allowed) {
    const etag = object.one('ETag');
    if (etag === undefined) continue;
    const failure = await deleteMatching(call, keyOf(object), unquoted(etag));
    if (failure === undefined) deleted.push({ Key: keyOf(object) });
    else errors.push(failure);
  }
  return xmlReply('DeleteResult', { Deleted: quiet ? undefined : deleted, Error: errors });
}

/** S3 answers for each object of a list by itself, so also that one may not be deleted. */
function refusalOf(call: S3Call, key: string): XmlMembers | undefined {
  try {
    call.authorize('s3:DeleteObject', { bucket: call.bucket, key });
    return undefined;
  } catch (error) {
    if (error instanceof S3Error) return { Key: key, Code: error.code, Message: error.message };
    throw error;
  }
}

async function deleteMatching(call: S3Call, key: string, etag: string): Promise<XmlMembers | undefined> {
  try {
    await call.store.delete({ bucket: call.bucket, key }, { ifMatch: etag });
    return undefined;
  } catch (error) {
    if (error instanceof StorageError) return { Key: key, Code: error.code, Message: error.message };
    throw error;
  }
}

function keyOf(object: XmlElement): string {
  const key = object.one('Key');
  if (key === undefined || key === '') throw malformedXml();
  return key;
}
