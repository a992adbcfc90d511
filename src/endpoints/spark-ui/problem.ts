import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Why there is no page of Spark's; `message` is for people. */
export class UiProblem extends Error {
  override readonly name = 'UiProblem';
  readonly status: number;
  /** Set where it is worth to look again; browsers do so by themselves. */
  readonly retrySeconds: number | undefined;

  constructor(status: number, message: string, retrySeconds?: number) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Answers by a page that says it in one sentence; what has been begun is broken off. */
export function showProblem(request: IncomingMessage, response: ServerResponse, problem: UiProblem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = problem.message.replace(/[&<>"]/g, (character) => ESCAPES[character] as string);
  const page = Buffer.from(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Spark UI</title><p>${text}</p></html>\n`,
  );
  const headers: OutgoingHttpHeaders = {
    'content-type': 'text/html; charset=utf-8',
    'content-length': page.length,
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
  if (problem.status === 405) headers.allow = 'GET, HEAD';
  if (problem.retrySeconds !== undefined) headers.refresh = headers['retry-after'] = String(problem.retrySeconds);
  response.writeHead(problem.status, headers);
  response.end(request.method === 'HEAD' ? undefined : page);
}
