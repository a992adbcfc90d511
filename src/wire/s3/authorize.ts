import type { IncomingHttpHeaders } from 'node:http';
import { decide, notAuthorizedMessage } from '../../access/authorize.ts';
import type { CallSource } from '../../access/call.ts';
import type { Principal } from '../../access/principal.ts';
import { requestContext } from '../../access/request-context.ts';
import { S3Error } from './s3-error.ts';

/** Who asks, and what policies may ask of the request. */
export interface S3Caller {
  readonly principal: Principal;
  readonly source: CallSource | undefined;
  readonly region: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
}

/**
 * Asks whether a caller may do something in S3, and refuses it in S3's own form.
 *
 * @param action IAM's name, e.g. `s3:GetObject`
 * @param resource `arn:aws:s3:::bucket/key`, or `*`
 * @throws S3Error AccessDenied
 */
export function authorize(caller: S3Caller, action: string, resource: string): void {
  const { principal } = caller;
  const decision = decide(principal, { action, resource, context: contextOf(caller, action) });
  if (decision === 'allowed') return;
  const shown = resource === '*' ? resource : `"${resource}"`;
  throw new S3Error('AccessDenied', notAuthorizedMessage(principal, action, shown, decision));
}

/** Actions whose listings policies narrow by `s3:prefix`. */
const LISTINGS: ReadonlySet<string> = new Set([
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:ListBucketMultipartUploads',
]);

/** S3's own condition keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html */
function contextOf({ principal, source, region, headers, query }: S3Caller, action: string) {
  const common = requestContext(principal, source, region);
  return (key: string) => {
    if (!key.startsWith('s3:')) return common(key);
    const name = key.slice('s3:'.length);
    if (name.startsWith('x-amz-')) return headers[name]?.toString();
    if (!LISTINGS.has(action)) return undefined;
    // A listing without a prefix is one of all: the empty prefix.
    if (name === 'prefix') return query.get('prefix') ?? '';
    return name === 'delimiter' || name === 'max-keys' ? (query.get(name) ?? undefined) : undefined;
  };
}
