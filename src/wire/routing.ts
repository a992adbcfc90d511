import type { IncomingMessage } from 'node:http';
import { credentialScopeOf, type SignedRequest, signedRequestOf } from './sigv4-parse.ts';

/** Whose request it is. `service` names an AWS service that is not served here. */
export type Route =
  | { readonly to: 'health' }
  | { readonly to: 'metrics' }
  | { readonly to: 'spark-ui' }
  | { readonly to: 'athena' | 's3' | 'sts'; readonly accessKeyId?: string }
  | { readonly to: 'nobody'; readonly service: string; readonly accessKeyId: string };

/**
 * One port serves all: the service in the signature's scope tells them apart, as it does nothing but route here; each
 * endpoint verifies for itself. What is unsigned is a health check, an Athena call without its signature (the only POST
 * to `/`), a monitor's, a browser's for a Spark UI, or S3's, which answers in its own XML. Buckets named `metrics` or `spark-ui` are asked
 * for by a signature.
 */
export function routeOf(request: IncomingMessage): Route {
  const signed = signedRequestOf(request);
  const scope = credentialScopeOf(signed);
  if (scope !== undefined) {
    const { service, accessKeyId } = scope;
    const served = service === 'athena' || service === 's3' || service === 'sts';
    return served ? { to: service, accessKeyId } : { to: 'nobody', service, accessKeyId };
  }
  if (signed.path.startsWith('/health/') && request.headers.authorization === undefined) return { to: 'health' };
  if (signed.path === '/metrics' && isMonitors(request, signed)) return { to: 'metrics' };
  if (signed.path.startsWith('/spark-ui/') && !isSignedAsOfOld(request, signed)) return { to: 'spark-ui' };
  return { to: signed.method === 'POST' && signed.path === '/' ? 'athena' : 's3' };
}

function isMonitors(request: IncomingMessage, signed: SignedRequest): boolean {
  const { authorization } = request.headers;
  return !isSignedAsOfOld(request, signed) && (authorization === undefined || /^Bearer( |$)/i.test(authorization));
}

/** By Signature Version 2, in either form, or by a newer one that cannot be read. */
function isSignedAsOfOld({ headers }: IncomingMessage, { rawQuery }: SignedRequest): boolean {
  return new URLSearchParams(rawQuery).has('AWSAccessKeyId') || /^AWS/i.test(headers.authorization ?? '');
}
