import type { Logger } from 'pino';
import { type StopRequest, takeStopRequest } from './server-process.ts';

/** What a server can be asked for at its end. */
export interface StoppableServer {
  /** Terminates sessions, then ends. */
  stop(): Promise<void>;
  /**
   * Takes no new sessions or calculations, and waits for those that run; the signal ends the wait.
   * @returns how many still ran then
   */
  drain(timeoutMillis: number, signal: AbortSignal): Promise<number>;
  /** Ends what is under way and leaves sessions to the next server; this process must end then. */
  leaveSessions(): Promise<void>;
}

/** A signal this soon after the first is the same one again. */
const REPEATED_SIGNAL_MILLIS = 1000;

/**
 * Stops in order, also a server that is still starting. A terminal's Ctrl-C arrives twice under `npm start`, from the terminal and
 * from the launcher: only a signal that comes after a while is an impatient second one. While running calculations are waited for it ends
 * that wait; else it ends the process.
 */
export function stopOnSignals(home: string, starting: Promise<StoppableServer>, logger: Logger): void {
  let lastSignal = Number.NEGATIVE_INFINITY;
  let draining: AbortController | undefined;
  let stopping = false;
  const end = async (request: StopRequest) => {
    stopping = true;
    draining?.abort();
    const server = await starting;
    if (request.how === 'now') await server.leaveSessions();
    else await server.stop();
    process.exit(0);
  };
  const drain = async (timeoutSeconds: number) => {
    draining = new AbortController();
    const { signal } = draining;
    const server = await starting;
    const left = await server.drain(timeoutSeconds * 1000, signal);
    if (signal.aborted) return;
    if (left > 0) logger.warn({ left }, 'Calculations run still; they are stopped');
    await end({ how: 'sessions' });
  };
  const onSignal = (name: NodeJS.Signals) => {
    const repeated = performance.now() - lastSignal < REPEATED_SIGNAL_MILLIS;
    if (stopping && !repeated) process.exit(1);
    if (stopping || (draining !== undefined && repeated)) return;
    lastSignal = performance.now();
    const request = takeStopRequest(home);
    logger.info({ signal: name, ...request }, 'Stopping');
    const work = request.how === 'drain' && draining === undefined ? drain(request.timeoutSeconds) : end(request);
    work.catch((error: unknown) => {
      logger.error({ err: error }, 'The stop failed');
      process.exit(1);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  // A terminal that is closed, or a session that logs out: no reason to end what others use.
  process.on('SIGHUP', () => logger.info('SIGHUP: the server goes on; `parthenon stop` ends it'));
}
