/** Where clients find a session's Spark Connect. */

const SESSION = '*';

/**
 * The URL that GetSessionEndpoint answers. Port 443 does not show, so that AWS's recipe, which appends `:443`, works where the operator
 * serves that.
 * @param endpoint `https://host:port`; a `*` in it stands for the session's id
 */
export function endpointUrl(endpoint: string, sessionId: string): string {
  return endpoint
    .replace(SESSION, sessionId)
    .replace(/^(https:.*):443\/?$/, '$1')
    .replace(/\/$/, '');
}

/** Whether a call came by a host name that another session has. @param authority `host:port`, as the client has named the server */
export function isOfAnotherSession(authority: string | undefined, sessionId: string): boolean {
  const named = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\./i.exec(authority ?? '')?.[1];
  return named !== undefined && named.toLowerCase() !== sessionId;
}
