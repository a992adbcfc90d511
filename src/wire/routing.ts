import type { IncomingMessage } from 'node:http';
import { credentialScopeOf, type SignedRequest, signedRequestOf } from './sigv4-parse.ts';

/** Whose request it is. `service` names an AWS service that is not served here. */
export type Route =
  | { readonly to: 'health' }
  | { readonly to: 'metrics' }
  | { readonly to: 'athena' | 's3' | 'sts'; readonly accessKeyId?: string }
  | { readonly to: 'nobody'; readonly service: string; readonly accessKeyId: string };

/**
 * One port serves all: the service in the signature's scope tells them apart, as it does nothing but route here; each
 * endpoint verifies for itself. What is unsigned is a health check, an Athena call without its signature (the only POST
 * to `/`), a monitor's, or S3's, which answers in its own XML. A bucket named `metrics` is asked for by a signature.
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
  return { to: signed.method === 'POST' && signed.path === '/' ? 'athena' : 's3' };
}

function isMonitors({ headers }: IncomingMessage, { rawQuery }: SignedRequest): boolean {
  if (new URLSearchParams(rawQuery).has('AWSAccessKeyId')) return false; // presigned by Signature Version 2
  return headers.authorization === undefined || /^Bearer( |$)/i.test(headers.authorization);
}
