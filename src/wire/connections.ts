import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { connection as happened } from '../happenings.ts';

/** No AWS client sends a second request before the first is answered; each that waits holds memory. */
const MOST_UNDER_WAY = 16;
/** Of a time without room, one line in the log each minute. */
const LOG_MILLIS = 60_000;

const NO_ROOM = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-ErrorType: ServiceUnavailableException\r\n' +
    'Retry-After: 1\r\nContent-Length: 98\r\nConnection: close\r\n\r\n' +
    '{"__type":"ServiceUnavailableException","message":"The server has no connection left. Try again."}',
);

interface Connection {
  readonly socket: Socket;
  underWay: number;
}

/**
 * The connections that the server holds, no more than `most`. When one more comes, that which has been idle for longest makes
 * room: kept for a next request, or not come to its first yet. So nobody keeps others out by connections alone; where requests are
 * under way on all of them, the newcomer is told to come again.
 */
export class Connections {
  readonly #most: number;
  readonly #logger: Logger;
  /** By peer, which a TLS socket and the plain one under it have in common. */
  readonly #all = new Map<string, Connection>();
  /** Longest idle first. */
  readonly #idle = new Map<string, Connection>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(most: number, logger: Logger) {
    this.#most = most;
    this.#logger = logger;
  }

  /** @param secure a newcomer that there is no room for cannot read a reply without TLS */
  add(socket: Socket, secure: boolean): void {
    if (this.#all.size >= this.#most && !this.#makeRoom(socket)) {
      happened.tell({ step: 'refused' });
      if (secure) socket.destroy();
      else socket.end(NO_ROOM, () => socket.destroy());
      return;
    }
    const name = nameOf(socket);
    const connection = { socket, underWay: 0 };
    this.#all.set(name, connection);
    this.#idle.set(name, connection);
    happened.tell({ step: 'opened' });
    socket.once('close', () => {
      happened.tell({ step: 'closed' });
      if (this.#all.get(name) !== connection) return;
      this.#all.delete(name);
      this.#idle.delete(name);
    });
  }

  /**
   * A request has come.
   * @param socket the connection's, or the TLS one over it
   * @returns to be called when it is answered; undefined when it may not be: a client that goes on sending without waiting for answers
   */
  begin(socket: Socket): (() => void) | undefined {
    const name = nameOf(socket);
    const connection = this.#all.get(name);
    if (connection === undefined || connection.underWay >= MOST_UNDER_WAY) return undefined;
    this.#idle.delete(name);
    connection.underWay += 1;
    return () => {
      connection.underWay -= 1;
      if (connection.underWay === 0 && this.#all.get(name) === connection) this.#idle.set(name, connection);
    };
  }

  #makeRoom(newcomer: Socket): boolean {
    const [longest] = this.#idle;
    const evicted = longest !== undefined;
    if (Date.now() - this.#loggedAt >= LOG_MILLIS) {
      this.#loggedAt = Date.now();
      const { remoteAddress } = newcomer;
      const context = { connections: this.#all.size, newcomer: remoteAddress };
      this.#logger.warn(
        context,
        evicted ? 'idle connections are closed: too many' : 'connections are refused: too many',
      );
    }
    if (!evicted) return false;
    const [name, { socket }] = longest;
    this.#all.delete(name);
    this.#idle.delete(name);
    socket.destroy();
    happened.tell({ step: 'evicted' });
    return true;
  }
}

/** Of a connection, while it is open. */
function nameOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
