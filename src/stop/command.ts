import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config.ts';
import { findServerProcess, requestStop, runs, type StopRequest } from './server-process.ts';

const POLL_MILLIS = 50;
/** Beyond what the server may take by its settings. */
const PATIENCE_SECONDS = 30;
const DEFAULT_DRAIN_SECONDS = 300;

interface StopOptions {
  readonly home?: string;
  readonly drain?: boolean;
  readonly now?: boolean;
  readonly timeout: number;
}

/** @param load settings, with this home where one is given */
export function addStopCommand(program: Command, load: (home: string | undefined) => Config): void {
  program
    .command('stop')
    .description('stop the server: its sessions are terminated, then it ends')
    .option('--drain', 'take no new sessions or calculations, and wait for those that run, before that')
    .option(
      '--now',
      'end the server alone, for an upgrade: sessions and what they run go on, the next start takes them back',
    )
    .option('--timeout <seconds>', 'with --drain: how long to wait', wholeSeconds, DEFAULT_DRAIN_SECONDS)
    .option('--home <folder>', 'folder that holds all state')
    .action(async (options: StopOptions) => {
      if (options.drain && options.now) throw new Error('--drain and --now exclude each other.');
      await stopServer(load(options.home), options);
    });
}

async function stopServer({ home, stopSeconds }: Config, { drain, now, timeout }: StopOptions): Promise<void> {
  const server = findServerProcess(home);
  if (server === undefined) throw new Error(`No server runs on ${home}.`);
  const request: StopRequest = drain ? { how: 'drain', timeoutSeconds: timeout } : { how: now ? 'now' : 'sessions' };
  requestStop(home, server, request);
  const seconds = (drain ? timeout : 0) + 2 * stopSeconds + PATIENCE_SECONDS;
  const deadline = Date.now() + seconds * 1000;
  while (runs(server)) {
    if (Date.now() > deadline)
      throw new Error(`The server (process ${server.pid}) has not ended after ${seconds} s; its log says more.`);
    await sleep(POLL_MILLIS);
  }
  console.log(now ? 'Stopped. Sessions go on; the next start takes them back.' : 'Stopped.');
}

function wholeSeconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('must be a whole number of seconds');
  return Number(text);
}
