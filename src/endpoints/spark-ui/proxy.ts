import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DashboardContext } from './dashboard.ts';
import { UiLinks, UiUnreachable } from './forward.ts';
import { UisOfSessions } from './uis.ts';
import type { SparkHistory } from './history/history.ts';
import { showProblem, UiProblem } from './problem.ts';
import { prefixOf, readTarget, type UiTarget } from './target.ts';
import { checkVisitor, cookie, isBrowser, isSecure, protection } from './visitor.ts';

/** A UI that has gone is looked for again: its session may have ended meanwhile, or made another SparkContext. */
const TRIES = 3;

/** Shows sessions' Spark UIs to browsers: `/spark-ui/<session id>/…`. */
export class SparkUiProxy {
  readonly #context: DashboardContext;
  readonly #links = new UiLinks();
  readonly #uis: UisOfSessions;

  constructor(context: DashboardContext, history: SparkHistory) {
    this.#context = context;
    this.#uis = new UisOfSessions(context.sessions, history);
  }

  /** Answers one request, whatever becomes of it. */
  readonly serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await this.#serve(request, response);
    } catch (error) {
      if (!(error instanceof UiProblem))
        this.#context.sessions.logger.error({ err: error }, 'A page of a Spark UI failed');
      const problem = error instanceof UiProblem ? error : new UiProblem(500, 'An internal error has occurred.');
      showProblem(request, response, problem);
    }
  };

  close(): void {
    this.#links.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = readTarget(request.url ?? '');
    if (target === undefined) throw new UiProblem(404, 'No session has this address.');
    checkVisitor(request, target, this.#context.tokens);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new UiProblem(405, 'Spark UIs are to be looked at, by GET or HEAD.');
    }
    if (target.path === undefined) throw new UiProblem(404, 'Spark has no such page.');
    if (target.token !== undefined && isBrowser(request)) this.#keepToken(request, response, target, target.token);
    else await this.#show(request, response, target, target.path);
  }

  #keepToken(request: IncomingMessage, response: ServerResponse, target: UiTarget, token: string): void {
    const { sessionId, path, query } = target;
    response.writeHead(302, {
      'set-cookie': cookie(token, sessionId, isSecure(request, this.#context.publicEndpoint)),
      location: `${prefixOf(sessionId)}${path}${query}`,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-length': 0,
    });
    response.end();
  }

  async #show(request: IncomingMessage, response: ServerResponse, target: UiTarget, path: string): Promise<void> {
    const { sessionId, query } = target;
    const headers = protection(request, sessionId, this.#context.publicEndpoint);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const ui = await this.#uis.of(sessionId);
      const place = ui.placeOf(path);
      if (place !== path) {
        response.writeHead(302, {
          ...headers,
          location: `${prefixOf(sessionId)}${place}${query}`,
          'content-length': 0,
        });
        response.end();
        return;
      }
      try {
        const passed = { request, response, path: `${path}${query}`, prefix: prefixOf(sessionId), headers };
        await this.#links.forward(passed, ui.address);
        return;
      } catch (error) {
        if (!(error instanceof UiUnreachable)) throw error;
        await ui.forget();
      }
    }
    throw new UiProblem(503, 'The Spark UI of this session does not answer at the moment.', 2);
  }
}
