/** The client's side of live output: docs/live-output.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AthenaClient, CalculationResult } from '@aws-sdk/client-athena';
import { SignatureV4 } from '@smithy/signature-v4';

/** One event. `data` has what the event's kind has. */
export interface LiveMessage {
  readonly event: string;
  readonly id: string;
  readonly data: {
    readonly CalculationExecutionId?: string;
    readonly SessionId?: string;
    readonly Text?: string;
    readonly Progress?: string;
    /** Times are numbers, as they are in the API's JSON. */
    readonly Status?: { readonly State: string; readonly StateChangeReason?: string };
    readonly Result?: CalculationResult;
  };
}

/** Where to, and who signs. */
export interface LiveServer {
  readonly endpoint: URL;
  readonly config: Pick<AthenaClient['config'], 'credentials' | 'region' | 'sha256'>;
}

/** Without a server for so long it is given up. */
const PATIENCE_MILLIS = 60_000;
const RETRY_MILLIS = 1000;

/** The server refuses; asking again does not help. */
export class LiveRefused extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/**
 * Follows a calculation or a session to its end, over lost connections and restarts of the server.
 * @param path `/live/calculations/<id>` or `/live/sessions/<id>`
 * @throws LiveRefused, and Error when the server stays away
 */
export async function* follow(
  server: LiveServer,
  path: string,
  { signal, onLost }: { signal?: AbortSignal; onLost?: (error?: unknown) => void } = {},
): AsyncGenerator<LiveMessage> {
  let lastEventId: string | undefined;
  let awaySince: number | undefined;
  for (;;) {
    let lostBy: unknown;
    try {
      const stream = await connect(server, path, lastEventId, signal);
      awaySince = undefined;
      for await (const message of messagesOf(stream)) {
        lastEventId = message.id;
        yield message;
        if (message.event === 'end') return;
      }
    } catch (error) {
      if (error instanceof LiveRefused || signal?.aborted) throw error;
      awaySince ??= performance.now();
      if (performance.now() - awaySince > PATIENCE_MILLIS)
        throw new Error(`${server.endpoint.origin} does not answer any more: ${(error as Error).message}`);
      lostBy = error;
    }
    onLost?.(lostBy);
    await sleep(RETRY_MILLIS, undefined, { signal });
  }
}

/**
 * One connection.
 * @param lastEventId goes on after that event
 * @throws LiveRefused, and what fetch throws
 */
export async function* listen(server: LiveServer, path: string, lastEventId?: string): AsyncGenerator<LiveMessage> {
  yield* messagesOf(await connect(server, path, lastEventId));
}

async function connect(
  { endpoint, config }: LiveServer,
  path: string,
  lastEventId?: string,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array> | null> {
  const { credentials, region, sha256 } = config;
  const signer = new SignatureV4({ credentials, region, sha256, service: 'athena', uriEscapePath: true });
  const url = new URL(path, endpoint);
  const { headers } = await signer.sign({
    method: 'GET',
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { host: endpoint.host, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  });
  const reply = await fetch(url, { headers, signal: signal ?? null });
  if (reply.status === 503) throw new Error('the server is being stopped');
  if (!reply.ok) {
    const error = (await reply.json().catch(() => ({}))) as { __type?: string; message?: string };
    throw new LiveRefused(error.__type ?? `HTTP ${reply.status}`, error.message ?? `HTTP ${reply.status}`);
  }
  return reply.body;
}

/** What stands between blank lines. Each event of this server has one line of data. */
async function* messagesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<LiveMessage> {
  if (body === null) return; // All has been told before.
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => splitField(line)));
      const [event, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')];
      if (event !== undefined && id !== undefined && data !== undefined) yield { event, id, data: JSON.parse(data) };
    }
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
