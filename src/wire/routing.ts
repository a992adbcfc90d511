import type { IncomingMessage } from 'node:http';
import { credentialScopeOf, signedRequestOf } from './sigv4-parse.ts';

/** Whose request it is. `service` names an AWS service that is not served here. */
export type Route =
  | { readonly to: 'health' }
  | { readonly to: 'athena' | 's3' | 'sts'; readonly accessKeyId?: string }
  | { readonly to: 'nobody'; readonly service: string; readonly accessKeyId: string };

/**
 * One port serves all: the service in the signature's scope tells them apart, as it does nothing but route here; each
 * endpoint verifies for itself. What is unsigned is a health check, an Athena call without its signature (the only POST
 * to `/`), or S3's, which answers in its own XML.
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
  return { to: signed.method === 'POST' && signed.path === '/' ? 'athena' : 's3' };
}
