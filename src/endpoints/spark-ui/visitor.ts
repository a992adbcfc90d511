import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { SessionTokens } from '../session-tokens.ts';
import { UiProblem } from './problem.ts';
import { prefixOf, type UiTarget } from './target.ts';

const COOKIE = 'parthenon-spark-ui';
/** What names a host, and cannot be anything else in a policy. */
const HOST = /^[\w.-]+(:\d+)?$/;

/** Makes sure that whoever asks has been given a token of this session. @throws UiProblem 403 */
export function checkVisitor(request: IncomingMessage, { sessionId, token }: UiTarget, tokens: SessionTokens): void {
  const given = token ?? cookieOf(request);
  if (given === undefined) throw refused('This page needs a token');
  const read = tokens.read(given);
  if (read === undefined) throw refused('This token is not one of this server');
  if (read.sessionId !== sessionId) throw refused("This token is another session's");
  if (read.expired) throw refused('This token has expired');
}

/** A browser that shows a page, in place of a script that reads one: its address is better without a token. */
export function isBrowser({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('text/html') === true;
}

/** Keeps a token in a browser, for the pages of this session alone, and until it is closed. */
export function cookie(token: string, sessionId: string, secure: boolean): string {
  const attributes = `Path=${prefixOf(sessionId)}/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return `${COOKIE}=${token}; ${attributes}`;
}

/**
 * What bounds the scripts of a page, on which names stand that the code of a session has made up: they reach nothing of this server but
 * the pages of the same session.
 * @param endpoint where browsers find the server, if that is a setting
 */
export function protection(request: IncomingMessage, sessionId: string, endpoint?: string): Record<string, string> {
  const host = endpoint === undefined ? request.headers.host : new URL(endpoint).host;
  const own = HOST.test(host ?? '') ? `${host}${prefixOf(sessionId)}/` : "'self'";
  return {
    'content-security-policy': [
      "default-src 'none'",
      `script-src 'unsafe-inline' ${own}`,
      `style-src 'unsafe-inline' ${own}`,
      `img-src data: ${own}`,
      `font-src ${own}`,
      `connect-src ${own}`,
      `form-action ${own}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
      // No windows: in one of the same origin a script could read what it shows.
      'sandbox allow-same-origin allow-scripts allow-forms allow-downloads',
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}

export function isSecure({ socket }: IncomingMessage, endpoint?: string): boolean {
  return endpoint === undefined ? (socket as TLSSocket).encrypted === true : endpoint.startsWith('https:');
}

function cookieOf({ headers }: IncomingMessage): string | undefined {
  const cookies = headers.cookie?.split(';').map((each) => each.trim()) ?? [];
  return cookies.find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function refused(why: string): UiProblem {
  return new UiProblem(403, `${why}: GetResourceDashboard gives a URL with one.`);
}
