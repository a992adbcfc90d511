import {
  type AthenaClient,
  GetSessionCommand,
  GetSessionStatusCommand,
  ListSessionsCommand,
  type SessionState,
  StartSessionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientOptions, openClients } from './clients.ts';
import type { ListOptions, SessionOptions, ShowOptions } from './commands.ts';
import { collectPages } from './pages.ts';
import { printFields, printJson, printLine, printTable, time } from './output.ts';

const LOOK_MILLIS = 100;
const STARTING: readonly (SessionState | undefined)[] = ['CREATING', 'CREATED'];

export async function listSessions({ workgroup, state, limit, json, ...options }: ListOptions & { workgroup: string }) {
  const { athena } = await openClients(options);
  const filter = { WorkGroup: workgroup, ...(state && { StateFilter: state.toUpperCase() as SessionState }) };
  const found = await collectPages(limit, async (page) => {
    const { Sessions, NextToken } = await athena.send(new ListSessionsCommand({ ...filter, ...page }));
    return { items: Sessions ?? [], next: NextToken };
  });
  if (json) return await printJson({ Sessions: found });
  await printTable(
    ['SESSION', 'STATE', 'STARTED', 'ENDED', 'DESCRIPTION'],
    found.map(({ SessionId = '', Status, Description = '' }) => [
      SessionId,
      Status?.State ?? '',
      time(Status?.StartDateTime),
      time(Status?.EndDateTime),
      Description,
    ]),
  );
}

export async function startSessionCommand({ wait, ...options }: SessionOptions & ClientOptions & { wait: boolean }) {
  const { athena } = await openClients(options);
  const id = await startSession(athena, options);
  if (wait) await untilIdle(athena, id);
  await printLine(id);
}

export async function startSession(athena: AthenaClient, options: SessionOptions): Promise<string> {
  const { workgroup, property, dpus, idleTimeout, description } = options;
  const { SessionId } = await athena.send(
    new StartSessionCommand({
      WorkGroup: workgroup,
      Description: description,
      EngineConfiguration: { MaxConcurrentDpus: dpus, SparkProperties: property },
      SessionIdleTimeoutInMinutes: idleTimeout,
    }),
  );
  return SessionId as string;
}

/** Waits until the session can run code. @throws Error when it cannot any more */
export async function untilIdle(athena: AthenaClient, SessionId: string, signal?: AbortSignal): Promise<void> {
  for (;;) {
    // The server holds its answer until there is something to tell.
    const { Status } = await athena.send(new GetSessionStatusCommand({ SessionId }), { abortSignal: signal });
    if (Status?.State === 'IDLE' || Status?.State === 'BUSY') return;
    if (!STARTING.includes(Status?.State))
      throw new Error(`Session ${SessionId} is ${Status?.State}: ${Status?.StateChangeReason ?? 'it has ended'}`);
    await sleep(LOOK_MILLIS, undefined, { signal });
  }
}

export async function showSession(SessionId: string, { json, ...options }: ShowOptions): Promise<void> {
  const { athena } = await openClients(options);
  const session = await athena.send(new GetSessionCommand({ SessionId }));
  if (json) return await printJson(session);
  const { Status, EngineConfiguration: engine, SessionConfiguration: configuration } = session;
  await printFields([
    ['Session', session.SessionId],
    ['Description', session.Description],
    ['State', Status?.State],
    ['Reason', Status?.StateChangeReason],
    ['Workgroup', session.WorkGroup],
    ['Engine', session.EngineVersion],
    ['Started', Status?.StartDateTime],
    ['Idle since', Status?.IdleSinceDateTime],
    ['Ended', Status?.EndDateTime],
    ['Idle timeout', configuration?.SessionIdleTimeoutInMinutes && `${configuration.SessionIdleTimeoutInMinutes} min`],
    ['DPUs', engine?.MaxConcurrentDpus],
    ['Properties', engine?.SparkProperties],
    ['Role', configuration?.ExecutionRole],
    ['Results', configuration?.WorkingDirectory],
  ]);
}

export async function stopSessions(ids: readonly string[], options: ClientOptions): Promise<void> {
  const { athena } = await openClients(options);
  for (const SessionId of ids) {
    const { State } = await athena.send(new TerminateSessionCommand({ SessionId }));
    await printLine(`${SessionId} ${State}`);
  }
}
