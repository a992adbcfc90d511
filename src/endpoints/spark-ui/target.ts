/** What a request for a page of a Spark UI is about: `/spark-ui/<session id>` and the path that Spark knows. */

const TARGET = /^\/spark-ui\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\/[^?]*)?(?:\?(.*))?$/s;
/** All that Spark's own pages, scripts and REST API are called: nothing to decode, and no way up. */
const PATH = /^(\/(?!\.{1,2}(\/|$))[\w.-]+)*\/?$/;
const QUERY = /^[\x21-\x7e]*$/;
const TOKEN = 'token=';

export interface UiTarget {
  readonly sessionId: string;
  /** Begins with `/`; undefined for what can be no page of Spark's. */
  readonly path: string | undefined;
  /** Without the token; with its `?`, or empty. */
  readonly query: string;
  readonly token: string | undefined;
}

/** Where browsers find a session's UI; without a `/` at its end. */
export function prefixOf(sessionId: string): string {
  return `/spark-ui/${sessionId}`;
}

/** undefined for what names no session. @param url path and query, as they came */
export function readTarget(url: string): UiTarget | undefined {
  const [, sessionId, path = '', rawQuery = ''] = TARGET.exec(url) ?? [];
  if (sessionId === undefined) return undefined;
  const parts = rawQuery.split('&').filter((part) => part !== '');
  const rest = parts.filter((part) => !part.startsWith(TOKEN)).join('&');
  return {
    sessionId,
    path: PATH.test(path) && QUERY.test(rest) ? path || '/' : undefined,
    query: rest === '' ? '' : `?${rest}`,
    token: parts.find((part) => part.startsWith(TOKEN))?.slice(TOKEN.length),
  };
}

/** A redirect of Spark's, which knows neither the server's name nor, always, the prefix, as a path of the server's. */
export function publicLocation(location: string, prefix: string): string {
  const { pathname, search, hash } = new URL(location, 'http://spark/');
  // Two slashes would be another host.
  const path = pathname.replace(/^\/+/, '/');
  return `${path.startsWith(`${prefix}/`) ? path : `${prefix}${path}`}${search}${hash}`;
}
