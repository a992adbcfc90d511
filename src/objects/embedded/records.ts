import type { ChecksumAlgorithm } from '../checksums.ts';

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

export interface ObjectChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; with `-<parts>` after it when composite. */
  readonly value: string;
  /** Over the object's bytes, or over the checksums of its parts. */
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

export interface ObjectTag {
  readonly key: string;
  readonly value: string;
}

/** What a client said of the encryption; told back, and nothing more: the embedded store does not encrypt. */
export interface StatedEncryption {
  readonly algorithm: string;
  readonly kmsKeyId?: string;
  readonly bucketKeyEnabled?: boolean;
}

/** Everything that is kept beside an object's bytes. */
export interface ObjectAttributes {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly expires?: string;
  readonly websiteRedirectLocation?: string;
  readonly storageClass?: string;
  /** User metadata, names in lower case without `x-amz-meta-`. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tags?: readonly ObjectTag[];
  readonly encryption?: StatedEncryption;
  readonly checksum?: ObjectChecksum;
}

export interface ObjectRecord extends ObjectName {
  /** Bytes. */
  readonly size: number;
  /** Without quotes: the MD5 of the bytes in hex, or `<md5 of the parts' md5s>-<parts>`. */
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly attributes: ObjectAttributes;
}

/** A part of a completed or running multipart upload. */
export interface PartRecord {
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  readonly modifiedAt: Date;
  readonly checksum?: ObjectChecksum;
}

export interface BucketRecord {
  readonly name: string;
  readonly createdAt: Date;
}

export interface UploadRecord extends ObjectName {
  readonly uploadId: string;
  readonly startedAt: Date;
  readonly attributes: ObjectAttributes;
  /** Stated when the upload began; the parts and the whole are checked by it. */
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: ObjectChecksum['type'];
}

/** A write that only happens when the current object, or its absence, is as expected; checked and done in one transaction. */
export interface WriteCondition {
  /** `*` for any object, else an ETag without quotes. */
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}
