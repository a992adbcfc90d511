import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Something that listens, and everything that passes on its way to another address, both ways. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Bytes that have passed. */
  readonly bytes: number;
  /** Whether these bytes have passed, in one connection and direction. */
  saw(text: string): boolean;
  /** Ends all connections, and every new one at once. */
  cut(): void;
  /** Ends all connections, and takes new ones as if nothing were wrong, but passes nothing on. */
  stall(): void;
  /** Connections that were taken and not passed on. */
  readonly stalled: number;
  /** Passes on again, in new connections. */
  restore(): void;
}

/**
 * Listens on a free port and passes everything on, as a wire that can be read.
 * @param host the address to listen on
 * @param target where to: a port of 127.0.0.1, told by the relay's own where it is the same
 */
export async function startTcpRelay(host: string, target: (ownPort: number) => number): Promise<TcpRelay> {
  const directions: Buffer[][] = [];
  const sockets = new Set<Socket>();
  let passes: 'everything' | 'nothing' | 'no connection' = 'everything';
  let stalled = 0;
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((inward) => {
    if (passes !== 'everything') {
      sockets.add(inward.on('error', () => undefined).on('close', () => sockets.delete(inward)));
      if (passes === 'nothing') stalled += 1;
      else inward.destroy();
      return;
    }
    const outward = connect(target(port), '127.0.0.1');
    for (const [from, to] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      const chunks: Buffer[] = [];
      directions.push(chunks);
      sockets.add(from);
      from.on('data', (chunk) => chunks.push(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get bytes() {
      return directions.flat().reduce((total, chunk) => total + chunk.length, 0);
    },
    saw: (text) => directions.some((chunks) => Buffer.concat(chunks).includes(text)),
    get stalled() {
      return stalled;
    },
    cut: () => {
      passes = 'no connection';
      destroyAll();
    },
    stall: () => {
      passes = 'nothing';
      destroyAll();
    },
    restore: () => {
      passes = 'everything';
      destroyAll();
    },
    [Symbol.asyncDispose]: async () => {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}
