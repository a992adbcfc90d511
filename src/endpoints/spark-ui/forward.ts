import { timingSafeEqual } from 'node:crypto';
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { SparkUiAddress } from '../../drivers/driver.ts';
import { UiProblem } from './problem.ts';
import { publicLocation } from './target.ts';

/** How long Spark may be silent: a page of a large application takes it long. */
const SILENCE_MILLIS = 120_000;
/** Requests to one UI at a time; others wait. */
const MOST_AT_ONCE = 64;

/** What a browser says that Spark may know: nothing by which it is known itself, and nothing that would change links. */
const PASSED_ON = ['accept', 'accept-encoding', 'accept-language', 'if-modified-since', 'if-none-match', 'range'];
const PASSED_BACK = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'vary',
];

/** Nothing of the UI's has been answered: the address is not, or no more, that of a UI. */
export class UiUnreachable extends Error {
  override readonly name = 'UiUnreachable';
}

export interface UiRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The UI's own path with its query. */
  readonly path: string;
  /** What browsers find it under. */
  readonly prefix: string;
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The way to UIs on the loopback interface, each behind its secret. */
export class UiLinks {
  /** A connection for each: one that is kept may be closed by the other side while a request is on its way. */
  readonly #agent = new Agent({ maxSockets: MOST_AT_ONCE });

  /** Passes a request on, and the answer back. @throws UiUnreachable, UiProblem */
  async forward({ request, response, path, prefix, headers }: UiRequest, address: SparkUiAddress): Promise<void> {
    const passed = httpRequest({
      agent: this.#agent,
      host: '127.0.0.1',
      port: address.port,
      method: request.method ?? 'GET',
      path,
      headers: {
        ...pick(request.headers, PASSED_ON),
        // By it Spark makes its links.
        'x-forwarded-context': prefix,
        'x-parthenon-secret': address.secret,
      },
      timeout: SILENCE_MILLIS,
    });
    const gone = () => passed.destroy();
    response.once('close', gone);
    try {
      const answer = await answerOf(passed, path, address);
      const { location } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, {
        ...pick(answer.headers, PASSED_BACK),
        ...(location !== undefined && { location: publicLocation(location, prefix) }),
        ...headers,
      });
      // Whoever has gone meanwhile, or broken off, leaves nothing to be told.
      await pipeline(answer, response).catch(() => passed.destroy());
    } finally {
      response.off('close', gone);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function answerOf(passed: ClientRequest, path: string, { proof }: SparkUiAddress): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    passed.once('response', resolve);
    passed.once('timeout', () => {
      passed.destroy(new UiProblem(504, `Spark has not answered within ${SILENCE_MILLIS / 1000} s; try again.`));
    });
    passed.on('error', (error) => reject(error instanceof UiProblem ? error : new UiUnreachable(error.message)));
    passed.end();
  });
  const given = Buffer.from(String(answer.headers['x-parthenon-proof']));
  if (given.length === proof.length && timingSafeEqual(given, Buffer.from(proof))) return answer;
  // Jetty itself, which asks no filter.
  if (answer.statusCode === 302 && onlyAddsSlash(path, answer.headers.location)) return answer;
  passed.destroy();
  throw new UiUnreachable('Something else listens there.');
}

function onlyAddsSlash(path: string, location = ''): boolean {
  const [from, to] = [path, location].map((each) => new URL(each, 'http://spark/'));
  return `${from?.pathname}/${from?.search}` === `${to?.pathname}${to?.search}`;
}

function pick(headers: NodeJS.Dict<string | string[]>, names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}
