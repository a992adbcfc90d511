import { objectOf, ownerOf, type S3Call, type S3Reply, xmlReply } from '../s3-call.ts';

export async function getBucketAcl(call: S3Call): Promise<S3Reply> {
  await call.store.checkBucket(call.bucket);
  return ownerFullControl(call);
}

export async function getObjectAcl(call: S3Call): Promise<S3Reply> {
  await call.store.head(objectOf(call));
  return ownerFullControl(call);
}

function ownerFullControl(call: S3Call): S3Reply {
  const owner = ownerOf(call);
  const grantee = { '@xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', '@xsi:type': 'CanonicalUser', ...owner };
  return xmlReply('AccessControlPolicy', {
    Owner: owner,
    AccessControlList: { Grant: { Grantee: grantee, Permission: 'FULL_CONTROL' } },
  });
}
