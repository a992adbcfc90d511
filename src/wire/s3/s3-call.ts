import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../../access/principal.ts';
import type { ChecksumAlgorithm } from '../../objects/checksums.ts';
import type { EmbeddedStore } from '../../objects/embedded/embedded-store.ts';
import type { ObjectName } from '../../objects/embedded/records.ts';
import { MAX_PART_NUMBER } from '../../objects/embedded/uploads.ts';
import type { Payload, PayloadOptions } from './payload.ts';
import { invalidArgument } from './s3-error.ts';
import { type XmlElement, type XmlMembers, writeXml } from './xml.ts';

/** A verified, authorized request, as the operations see it. */
export interface S3Call {
  readonly store: EmbeddedStore;
  readonly principal: Principal;
  readonly region: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** Empty for calls that are about no bucket. */
  readonly bucket: string;
  /** Empty for calls that are about no object. */
  readonly key: string;
  /** For what a call touches beside its own target: a copy's source, the objects of a list. @throws S3Error AccessDenied */
  authorize(action: `s3:${string}`, name: ObjectName): void;
  /** Where clients reach the bucket, e.g. `http://127.0.0.1:8730`. */
  readonly origin: string;
  /** @param fallback the checksum to compute when the client states none */
  payload(fallback?: ChecksumAlgorithm): Payload;
  /** Reads the body as an XML document; `undefined` for an empty body. */
  document(root: string, options?: Pick<PayloadOptions, 'checksumOfAnother'>): Promise<XmlElement | undefined>;
}

export interface S3Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReplyStream;
}

/** Bytes that are sent as they are read. */
export interface ReplyStream extends AsyncDisposable {
  readonly length: number;
  bytes(): AsyncIterable<Buffer>;
}

export type S3Operation = (call: S3Call) => Promise<S3Reply>;

export function xmlReply(root: string, members: XmlMembers, headers: Record<string, string> = {}): S3Reply {
  return { status: 200, headers: { 'Content-Type': 'application/xml', ...headers }, body: writeXml(root, members) };
}

export function objectOf(call: S3Call): ObjectName {
  return { bucket: call.bucket, key: call.key };
}

/** S3's owner: everything belongs to the account. */
export function ownerOf({ principal }: S3Call): XmlMembers {
  return { ID: principal.accountId, DisplayName: principal.accountId };
}

/** A count in the query, e.g. `max-keys`; more than `most` is cut to it. @throws S3Error InvalidArgument */
export function countOf(call: S3Call, name: string, most: number, absent = most): number {
  const value = call.query.get(name);
  if (value === null || value === '') return absent;
  const count = Number(value);
  if (!/^-?\d+$/.test(value) || count < -(2 ** 31) || count > 2 ** 31 - 1) {
    throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, value);
  }
  if (count < 0) {
    throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, value);
  }
  return Math.min(count, most);
}

/** The part that `partNumber` in the query names. @throws S3Error InvalidArgument */
export function partNumberOf(call: S3Call): number {
  const value = call.query.get('partNumber') ?? '';
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= MAX_PART_NUMBER) return number;
  throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', value);
}

/** How keys are written in a reply: `encoding-type=url` percent-encodes them. */
export function keyEncoder(call: S3Call): (key: string) => string {
  const encoding = call.query.get('encoding-type');
  if (encoding === null || encoding === '') return (key) => key;
  if (encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', encoding);
  return (key) =>
    encodeURIComponent(key)
      .replaceAll('%2F', '/')
      .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
