import { Socket } from 'node:net';
import { type Dialect, PostgresDialect } from 'kysely';
import { type ClientConfig, Pool, type PoolClient, types } from 'pg';
import { ServerLock, type ServerLockEvents } from './server-lock.ts';
import { StoreUnavailable } from './store-unavailable.ts';

const MOST_CONNECTIONS = 10;
/** Also the wait for one of them: StartSession calls take turns, some 5 ms each, and a burst is not to fail. */
const CONNECT_TIMEOUT_MILLIS = 10_000;
const IDLE_MILLIS = 60_000;
const KEEP_ALIVE_MILLIS = 10_000;

/** PostgreSQL's `bigint`: https://github.com/postgres/postgres/blob/REL_17_STABLE/src/include/catalog/pg_type.dat */
const INT8 = 20;

/** The database does not answer, or is not this server's at the moment; the same call may succeed later. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway';
}

/**
 * Connects to a PostgreSQL database, as the only Parthenon server that does, and gives it as a Kysely dialect.
 *
 * While the lock that says so is lost (PostgreSQL was restarted, or the network is down), every query fails by `StoreAway`,
 * and what was under way is cut off: another server may be writing.
 *
 * @param url `postgresql://user:password@host:port/database?parameter=value`; parameters are those of
 * https://node-postgres.com/features/connecting#connection-uri, such as `sslmode`
 * @throws StoreUnavailable
 */
export async function openPostgres(url: string, events: ServerLockEvents): Promise<Dialect> {
  const name = nameOf(url);
  const sockets = new Set<Socket>();
  const lost = (reason: string) => {
    for (const socket of sockets) socket.destroy();
    events.lost(reason);
  };
  const config = configOf(url);
  const lock = await ServerLock.take(config, { ...events, lost }).catch((error: unknown) => {
    throw new StoreUnavailable(`The state database ${name} cannot be opened: ${messageOf(error)}`);
  });
  if (lock === undefined) {
    throw new StoreUnavailable(
      `Another Parthenon server is using the database ${name}. Stop it, or start this one with another PARTHENON_DATABASE_URL.`,
    );
  }
  const pool = new Pool({ ...config, max: MOST_CONNECTIONS, idleTimeoutMillis: IDLE_MILLIS, stream: tracked(sockets) });
  // A connection that ends while nothing runs on it is replaced; without listeners Node would end the process. The pool
  // listens only to those that lie idle, not to one between two statements of a transaction.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const connect = async (): Promise<PoolClient> => {
    if (!lock.held) throw new StoreAway(`The state database ${name} is away.`);
    const client = await pool.connect();
    if (lock.held) return client;
    client.release(true);
    throw new StoreAway(`The state database ${name} is away.`);
  };
  const end = async () => {
    await pool.end();
    await lock.release();
  };
  return new PostgresDialect({ pool: { options: pool.options, connect, end } });
}

/** What may be shown of a URL. @throws StoreUnavailable for what is no URL */
export function nameOf(url: string): string {
  if (!URL.canParse(url)) {
    throw new StoreUnavailable('PARTHENON_DATABASE_URL must be postgresql://user:password@host/database.');
  }
  const { host, pathname } = new URL(url);
  return `${decodeURIComponent(pathname.slice(1))} on ${decodeURIComponent(host)}`;
}

/** Whether an error says that the database could not be reached, has cut the connection or has no room, rather than refused what was asked. */
export function isPostgresAway(error: unknown): boolean {
  if (error instanceof StoreAway) return true;
  if (!(error instanceof Error)) return false;
  const { code = '' } = error as { code?: string };
  return (
    // Class 08: connections; 57P: stopping, crashed, starting; 53: no room on its disk, no memory, too many connections.
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    /^(08...|57P0[1235]|53[0-3]00)$/.test(code) ||
    /^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)$/.test(code) ||
    // pg's own have no code.
    /^Connection terminated|^timeout exce|not queryable$|^Client has encountered a connection error/.test(error.message)
  );
}

function configOf(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'parthenon',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLIS,
    types: { getTypeParser },
  };
}

/** Of this server's connections alone: `bigint` as number. All that are stored are milliseconds and positions, below 2^53. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format as 'text');

/** Makes sockets, and keeps those that are open in `sockets`. */
function tracked(sockets: Set<Socket>): () => Socket {
  return () => {
    const socket = new Socket();
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  };
}

/** Of a host name with several addresses Node tells one error for each, and a message that is empty. */
function messageOf(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : (error as Error).message;
}
