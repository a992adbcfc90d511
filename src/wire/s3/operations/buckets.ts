import { checkAclHeaders } from '../acl-headers.ts';
import { invalidArgument, S3Error, type S3ErrorCode } from '../s3-error.ts';
import { countOf, ownerOf, type S3Call, type S3Operation, type S3Reply, xmlReply } from '../s3-call.ts';
import { readToken, writeToken } from '../tokens.ts';

const MAX_BUCKETS = 10_000;
/** The region whose buckets S3 creates twice without complaint, and whose location it leaves empty. */
const FIRST_REGION = 'us-east-1';

export async function listBuckets(call: S3Call): Promise<S3Reply> {
  const prefix = call.query.get('prefix') ?? '';
  const token = call.query.get('continuation-token');
  const behind = token === null ? '' : readToken(token);
  if (typeof behind !== 'string')
    throw invalidArgument('The continuation token provided is incorrect', 'continuation-token', token ?? '');
  const limit = countOf(call, 'max-buckets', MAX_BUCKETS);
  const all = await call.store.listBuckets();
  const matching = all.filter(({ name }) => name.startsWith(prefix) && name > behind);
  const page = matching.slice(0, limit);
  const last = page.at(-1);
  return xmlReply('ListAllMyBucketsResult', {
    Owner: ownerOf(call),
    Buckets: {
      Bucket: page.map(({ name, createdAt }) => ({ Name: name, CreationDate: createdAt, BucketRegion: call.region })),
    },
    ContinuationToken: last !== undefined && matching.length > page.length ? writeToken(last.name) : undefined,
    Prefix: call.query.has('prefix') ? prefix : undefined,
  });
}

export async function createBucket(call: S3Call): Promise<S3Reply> {
  checkAclHeaders(call.headers);
  const document = await call.document('CreateBucketConfiguration');
  const location = document?.one('LocationConstraint');
  if (location !== undefined && location !== '' && location !== call.region) {
    throw new S3Error(
      'IllegalLocationConstraintException',
      `The ${location} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    );
  }
  if (call.region === FIRST_REGION) await call.store.ensureBucket(call.bucket);
  else await call.store.createBucket(call.bucket);
  return { status: 200, headers: { Location: `/${call.bucket}` } };
}

export async function headBucket(call: S3Call): Promise<S3Reply> {
  await call.store.checkBucket(call.bucket);
  return { status: 200, headers: { 'Content-Type': 'application/xml', 'x-amz-bucket-region': call.region } };
}

export async function deleteBucket(call: S3Call): Promise<S3Reply> {
  await call.store.deleteBucket(call.bucket);
  return { status: 204 };
}

export async function getBucketLocation(call: S3Call): Promise<S3Reply> {
  await call.store.checkBucket(call.bucket);
  const region = call.region === FIRST_REGION ? '' : call.region;
  return xmlReply('LocationConstraint', { '#text': region });
}

/** A setting of buckets that has an empty form: it is that one. */
export function emptySetting(root: string, members: Record<string, string> = {}): S3Operation {
  return async (call) => {
    await call.store.checkBucket(call.bucket);
    return xmlReply(root, members);
  };
}

/** A setting of buckets that none has: S3's own error says so. */
export function notConfigured(code: S3ErrorCode, message: string): S3Operation {
  return async (call) => {
    await call.store.checkBucket(call.bucket);
    throw new S3Error(code, message, { BucketName: call.bucket });
  };
}
