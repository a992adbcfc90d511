import { S3Error } from './s3-error.ts';

/** What a request is about: the service, a bucket (no key), or an object. */
export interface S3Target {
  readonly bucket?: string;
  readonly key?: string;
}

/**
 * Reads bucket and key from a request, path style (`/bucket/key`) or virtual-host style (`bucket.host/key`).
 * @param path still percent-encoded
 * @param hosts those under which `<bucket>.<host>` names a bucket
 * @throws S3Error InvalidURI
 */
export function targetOf(path: string, hostHeader: string | undefined, hosts: readonly string[]): S3Target {
  const rest = path.startsWith('/') ? path.slice(1) : path;
  const bucketOfHost = virtualHostBucket(hostHeader, hosts);
  if (bucketOfHost !== undefined) return { bucket: bucketOfHost, ...keyOf(rest) };
  if (rest === '') return {};
  const slash = rest.indexOf('/');
  if (slash === -1) return { bucket: decode(rest) };
  return { bucket: decode(rest.slice(0, slash)), ...keyOf(rest.slice(slash + 1)) };
}

function keyOf(encoded: string): { key?: string } {
  return encoded === '' ? {} : { key: decode(encoded) };
}

function virtualHostBucket(hostHeader: string | undefined, hosts: readonly string[]): string | undefined {
  const host = hostHeader?.replace(/:\d+$/, '').toLowerCase();
  const parent = hosts.find((candidate) => host?.endsWith(`.${candidate.toLowerCase()}`));
  return parent === undefined ? undefined : host?.slice(0, -parent.length - 1);
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", { URI: encoded });
  }
}
