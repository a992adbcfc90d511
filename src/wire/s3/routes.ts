import type { IncomingHttpHeaders } from 'node:http';
import { getBucketAcl, getObjectAcl } from './operations/acl.ts';
import {
  createBucket,
  deleteBucket,
  emptySetting,
  getBucketLocation,
  headBucket,
  listBuckets,
  notConfigured,
} from './operations/buckets.ts';
import { copyObject } from './operations/copy-object.ts';
import { deleteObject, deleteObjects } from './operations/delete-objects.ts';
import { getObject, headObject } from './operations/get-object.ts';
import { getObjectAttributes } from './operations/get-object-attributes.ts';
import { listObjects, listObjectsV2, listObjectVersions } from './operations/list-objects.ts';
import { listMultipartUploads, listParts } from './operations/list-uploads.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
  uploadPartCopy,
} from './operations/multipart.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './operations/object-tagging.ts';
import { putObject } from './operations/put-object.ts';
import type { S3Operation } from './s3-call.ts';
import { notImplemented, S3Error } from './s3-error.ts';
import type { S3Target } from './target.ts';

export interface Route {
  /** IAM's name of what is done. */
  readonly action: `s3:${string}`;
  readonly operation: S3Operation;
  /** Set where the operation asks itself for each object that its body names, instead of once for its target. */
  readonly asksForEach?: boolean;
}

type Level = 'service' | 'bucket' | 'object';

/**
 * Every operation that is served, by what its request looks like: method, level, and the query parameters that tell it
 * from others. A header, e.g. `x-amz-copy-source`, follows after `+`.
 */
const ROUTES: Readonly<Record<Level, Readonly<Record<string, Route>>>> = {
  service: {
    GET: { action: 's3:ListAllMyBuckets', operation: listBuckets },
  },
  bucket: {
    PUT: { action: 's3:CreateBucket', operation: createBucket },
    HEAD: { action: 's3:ListBucket', operation: headBucket },
    DELETE: { action: 's3:DeleteBucket', operation: deleteBucket },
    GET: { action: 's3:ListBucket', operation: listObjects },
    'GET list-type': { action: 's3:ListBucket', operation: listObjectsV2 },
    'GET versions': { action: 's3:ListBucketVersions', operation: listObjectVersions },
    'GET uploads': { action: 's3:ListBucketMultipartUploads', operation: listMultipartUploads },
    'POST delete': { action: 's3:DeleteObject', operation: deleteObjects, asksForEach: true },
    'GET acl': { action: 's3:GetBucketAcl', operation: getBucketAcl },
    'GET location': { action: 's3:GetBucketLocation', operation: getBucketLocation },
    'GET versioning': { action: 's3:GetBucketVersioning', operation: emptySetting('VersioningConfiguration') },
    'GET logging': { action: 's3:GetBucketLogging', operation: emptySetting('BucketLoggingStatus') },
    'GET notification': { action: 's3:GetBucketNotification', operation: emptySetting('NotificationConfiguration') },
    'GET accelerate': { action: 's3:GetAccelerateConfiguration', operation: emptySetting('AccelerateConfiguration') },
    'GET requestPayment': {
      action: 's3:GetBucketRequestPayment',
      operation: emptySetting('RequestPaymentConfiguration', { Payer: 'BucketOwner' }),
    },
    'GET encryption': {
      action: 's3:GetEncryptionConfiguration',
      operation: notConfigured(
        'ServerSideEncryptionConfigurationNotFoundError',
        'The server side encryption configuration was not found',
      ),
    },
    'GET policy': {
      action: 's3:GetBucketPolicy',
      operation: notConfigured('NoSuchBucketPolicy', 'The bucket policy does not exist'),
    },
    'GET policyStatus': {
      action: 's3:GetBucketPolicyStatus',
      operation: notConfigured('NoSuchBucketPolicy', 'The bucket policy does not exist'),
    },
    'GET lifecycle': {
      action: 's3:GetLifecycleConfiguration',
      operation: notConfigured('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'),
    },
    'GET cors': {
      action: 's3:GetBucketCORS',
      operation: notConfigured('NoSuchCORSConfiguration', 'The CORS configuration does not exist'),
    },
    'GET tagging': {
      action: 's3:GetBucketTagging',
      operation: notConfigured('NoSuchTagSet', 'The TagSet does not exist'),
    },
    'GET website': {
      action: 's3:GetBucketWebsite',
      operation: notConfigured(
        'NoSuchWebsiteConfiguration',
        'The specified bucket does not have a website configuration',
      ),
    },
    'GET replication': {
      action: 's3:GetReplicationConfiguration',
      operation: notConfigured('ReplicationConfigurationNotFoundError', 'The replication configuration was not found'),
    },
    'GET object-lock': {
      action: 's3:GetBucketObjectLockConfiguration',
      operation: notConfigured(
        'ObjectLockConfigurationNotFoundError',
        'Object Lock configuration does not exist for this bucket',
      ),
    },
    'GET publicAccessBlock': {
      action: 's3:GetBucketPublicAccessBlock',
      operation: notConfigured(
        'NoSuchPublicAccessBlockConfiguration',
        'The public access block configuration was not found',
      ),
    },
    'GET ownershipControls': {
      action: 's3:GetBucketOwnershipControls',
      operation: notConfigured('OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'),
    },
  },
  object: {
    PUT: { action: 's3:PutObject', operation: putObject },
    'PUT +x-amz-copy-source': { action: 's3:PutObject', operation: copyObject },
    GET: { action: 's3:GetObject', operation: getObject },
    HEAD: { action: 's3:GetObject', operation: headObject },
    DELETE: { action: 's3:DeleteObject', operation: deleteObject },
    'POST uploads': { action: 's3:PutObject', operation: createMultipartUpload },
    'PUT uploadId': { action: 's3:PutObject', operation: uploadPart },
    'PUT uploadId+x-amz-copy-source': { action: 's3:PutObject', operation: uploadPartCopy },
    'POST uploadId': { action: 's3:PutObject', operation: completeMultipartUpload },
    'DELETE uploadId': { action: 's3:AbortMultipartUpload', operation: abortMultipartUpload },
    'GET uploadId': { action: 's3:ListMultipartUploadParts', operation: listParts },
    'GET attributes': { action: 's3:GetObjectAttributes', operation: getObjectAttributes },
    'GET tagging': { action: 's3:GetObjectTagging', operation: getObjectTagging },
    'PUT tagging': { action: 's3:PutObjectTagging', operation: putObjectTagging },
    'DELETE tagging': { action: 's3:DeleteObjectTagging', operation: deleteObjectTagging },
    'GET acl': { action: 's3:GetObjectAcl', operation: getObjectAcl },
  },
};

/** Query parameters that make a request one about something else than the bucket or object itself. */
const SUB_RESOURCES: ReadonlySet<string> = new Set([
  ...['abac', 'accelerate', 'acl', 'analytics', 'annotation', 'attributes', 'cors', 'delete', 'encryption'],
  ...['intelligent-tiering', 'inventory', 'legal-hold', 'lifecycle', 'list-type', 'location', 'logging'],
  ...['metadataConfiguration', 'metadataTable', 'metrics', 'notification', 'object-lock', 'ownershipControls'],
  ...['policy', 'policyStatus', 'publicAccessBlock', 'renameObject', 'replication', 'requestPayment', 'restore'],
  ...[
    'retention',
    'select',
    'session',
    'tagging',
    'torrent',
    'uploadId',
    'uploads',
    'versioning',
    'versions',
    'website',
  ],
]);

/**
 * The operation that a request asks for.
 * @throws S3Error NotImplemented for what S3 has and this store has not, MethodNotAllowed for what S3 has not either
 */
export function routeOf(method: string, target: S3Target, query: URLSearchParams, headers: IncomingHttpHeaders): Route {
  const level: Level = target.key !== undefined ? 'object' : target.bucket !== undefined ? 'bucket' : 'service';
  const subResources = [...query.keys()].filter((name) => SUB_RESOURCES.has(name));
  const copies = level === 'object' && method === 'PUT' && headers['x-amz-copy-source'] !== undefined;
  const qualifier = `${subResources.join('&')}${copies ? '+x-amz-copy-source' : ''}`;
  const route = ROUTES[level][qualifier === '' ? method : `${method} ${qualifier}`];
  if (route !== undefined) return route;
  if (subResources.length > 0) throw notImplemented(`${method} ?${subResources.join('&')}`);
  const allowed = Object.keys(ROUTES[level]).filter((name) => /^[A-Z]+$/.test(name));
  throw new S3Error(
    'MethodNotAllowed',
    'The specified method is not allowed against this resource.',
    { Method: method, ResourceType: level.toUpperCase() },
    { Allow: allowed.join(', ') },
  );
}
