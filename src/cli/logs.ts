import { type ClientOptions, openClients } from './clients.ts';
import { follow, listen, type LiveMessage, LiveRefused, type LiveServer } from './live.ts';
import { tell, write } from './output.ts';

const AWAY_MILLIS = 10_000;

/** Prints what a calculation, or all those of a session, put out: so far, or as it comes. */
export async function printLogs(id: string, options: ClientOptions & { follow?: boolean }): Promise<void> {
  const server = await (await openClients(options)).live();
  const isUnknown = (error: unknown) =>
    error instanceof LiveRefused && /^(ResourceNotFound|AccessDenied)Exception$/.test(error.name);
  try {
    await print(server, `/live/calculations/${encodeURIComponent(id)}`, options.follow === true);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    await print(server, `/live/sessions/${encodeURIComponent(id)}`, options.follow === true).catch(
      (second: unknown) => {
        if (!(second instanceof LiveRefused && second.name === 'ResourceNotFoundException')) throw second;
        throw new Error(`There is no calculation and no session ${id}. parthenon sessions list shows what there is`);
      },
    );
  }
}

async function print(server: LiveServer, path: string, follows: boolean): Promise<void> {
  const messages = follows ? follow(server, path, { onLost: lostTold() }) : listen(server, `${path}?follow=false`);
  const several = path.startsWith('/live/sessions/');
  let shown: string | undefined;
  for await (const message of messages) {
    const { CalculationExecutionId } = message.data;
    if (several && CalculationExecutionId !== undefined && CalculationExecutionId !== shown) {
      shown = CalculationExecutionId;
      await tell(`==> calculation ${shown} <==`);
    }
    await printOutput(message);
    await tellEnd(message);
  }
}

/** Each stream to its own. */
export async function printOutput({ event, data }: LiveMessage): Promise<void> {
  if (event === 'stdout') await write(process.stdout, data.Text ?? '');
  else if (event === 'stderr') await write(process.stderr, data.Text ?? '');
}

/** Says now and then that the server is away. A stream that it has ended by itself is asked for again without a word. */
export function lostTold(): (error?: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (error === undefined || performance.now() - toldAt < AWAY_MILLIS) return;
    toldAt = performance.now();
    void tell('parthenon: the server does not answer; waiting for it …').catch(() => undefined);
  };
}

async function tellEnd({ event, data }: LiveMessage): Promise<void> {
  const { State, StateChangeReason } = data.Status ?? {};
  if (event !== 'state' || State === undefined) return;
  const what = data.CalculationExecutionId === undefined ? 'session' : 'calculation';
  if (/^(FAILED|CANCELED|TERMINATED)$/.test(State))
    await tell(`parthenon: ${what} ${State}${StateChangeReason === undefined ? '' : `: ${StateChangeReason}`}`);
}
