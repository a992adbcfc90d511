import type { IncomingMessage } from 'node:http';
import { credentialScopeOf, signedRequestOf } from './sigv4-parse.ts';

/** Whose request it is. `service` names an AWS service that is not served here. */
export type Route =
  | { readonly to: 'health' | 'athena' | 's3' | 'sts' }
  | { readonly to: 'nobody'; readonly service: string };

/**
 * One port serves all: the service in the signature's scope tells them apart, as it does nothing but route here; each
 * endpoint verifies for itself. What is unsigned is a health check, an Athena call without its signature (the only POST
 * to `/`), or S3's, which answers in its own XML.
 */
export function routeOf(request: IncomingMessage): Route {
  const signed = signedRequestOf(request);
  const scope = credentialScopeOf(signed);
  if (scope !== undefined) {
    const { service } = scope;
    return service === 'athena' || service === 's3' || service === 'sts' ? { to: service } : { to: 'nobody', service };
  }
  if (signed.path.startsWith('/health/') && request.headers.authorization === undefined) return { to: 'health' };
  return { to: signed.method === 'POST' && signed.path === '/' ? 'athena' : 's3' };
}
