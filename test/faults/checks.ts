/** What must be so once a round has settled. */
import {
  GetCalculationExecutionCommand,
  type GetCalculationExecutionResponse,
  GetSessionCommand,
  paginateListSessions,
  StartCalculationExecutionCommand,
  StartSessionCommand,
} from '@aws-sdk/client-athena';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilAnswered } from './calls.ts';
import type { FaultClient } from './client.ts';
import { beginningOf, type CalculationRecord, promise, type SessionRecord, Violation } from './ledger.ts';
import type { Site } from './site.ts';

/** What is ended in the background has gone by then, on a busy machine too. */
const SWEPT_MILLIS = 30_000;

/** How often each end was seen. */
export type Counts = Map<string, number>;

/** Every id is found, has an honest end, its token stands for it, and what is COMPLETED can be read. */
export async function checkSessions(site: Site, sessions: readonly SessionRecord[], counts: Counts): Promise<void> {
  for (const session of sessions) {
    const { request, id, calculations } = session;
    await untilAnswered(`GetSession ${id}`, () => site.server.athena.send(new GetSessionCommand({ SessionId: id })));
    const again = await untilAnswered('StartSession', () => site.server.athena.send(new StartSessionCommand(request)));
    promise(again.SessionId === id, () => `the token of session ${id} now gives ${again.SessionId}`);
    for (const calculation of calculations) {
      const end = await checkCalculation(site, session, calculation);
      counts.set(end, (counts.get(end) ?? 0) + 1);
    }
  }
}

/** No client was left without the id of something that runs, and nothing runs or lies about for what has ended. */
export async function checkLeftovers(site: Site, clients: readonly FaultClient[]): Promise<void> {
  const known = goingOn(site);
  const active = await activeSessions(site);
  const unknown = active.filter((id) => !known.includes(id));
  promise(unknown.length === 0, () => `sessions that no client was told of, or that had ended: ${unknown}`);
  // A driver that was struck may have gone since its client looked.
  for (const client of clients) await client.look();
  const vanished = goingOn(site).filter((id) => !active.includes(id));
  promise(vanished.length === 0, () => `sessions that vanished: ${vanished}`);
  const deadline = Date.now() + SWEPT_MILLIS;
  for (let left = leftovers(site, active.length); left !== undefined; left = leftovers(site, active.length)) {
    if (Date.now() > deadline) throw new Violation(left);
    await sleep(100);
  }
}

function goingOn(site: Site): string[] {
  return site.sessions.filter(({ isEnded }) => !isEnded).map(({ id }) => id);
}

/** @returns what is too much, if anything */
function leftovers(site: Site, active: number): string | undefined {
  const most = active + site.poolSize;
  const processes = new Set(site.driverProcesses().map(({ driverId }) => driverId));
  const folders = site.driverFolders();
  const checks: [string, unknown, boolean][] = [
    ['drivers', [...processes], processes.size <= most],
    ['driver folders', folders, folders.length <= most],
    [
      'folders without a process',
      folders.filter((each) => !processes.has(each)),
      folders.every((each) => processes.has(each)),
    ],
    ['folders of sockets', site.socketFolders(), site.socketFolders().length === folders.length],
    ['metastores', site.metastores(), site.metastores().length <= 1],
    ['spools', site.spools(), site.spools().length === 0],
  ];
  const wrong = checks.filter(([, , isRight]) => !isRight);
  return wrong.length === 0
    ? undefined
    : `left over, with ${active} sessions: ${wrong.map(([name, found]) => `${name} ${JSON.stringify(found)}`).join('; ')}`;
}

async function activeSessions(site: Site): Promise<string[]> {
  return await untilAnswered('ListSessions', async () => {
    const found: string[] = [];
    const pages = paginateListSessions({ client: site.server.athena }, { WorkGroup: 'primary' });
    for await (const { Sessions = [] } of pages) found.push(...Sessions.map(({ SessionId }) => String(SessionId)));
    return found;
  });
}

/** @returns its state, with its kind */
async function checkCalculation(site: Site, session: SessionRecord, record: CalculationRecord): Promise<string> {
  const { id, kind, request } = record;
  const start = new StartCalculationExecutionCommand(request);
  const again = await untilAnswered('StartCalculationExecution', () => site.server.athena.send(start));
  promise(again.CalculationExecutionId === id, () => `the token of ${id} now gives ${again.CalculationExecutionId}`);
  const get = new GetCalculationExecutionCommand({ CalculationExecutionId: id });
  const found = await untilAnswered(`GetCalculationExecution ${id}`, () => site.server.athena.send(get));
  const { State, StateChangeReason } = found.Status ?? {};
  const told = `calculation ${id} (${kind}) of session ${session.id} is ${State}: ${StateChangeReason}`;
  promise(record.state === State, () => `${told}; it was ${record.state}`);
  if (State === 'COMPLETED') {
    promise(kind !== 'raise' && kind !== 'endless' && !StateChangeReason, () => told);
    await checkOutput(site, session, record, found);
  } else if (State === 'CANCELED') {
    promise(record.mayCancel || session.mayTerminate, () => `${told}; nobody asked for it`);
    promise(Boolean(StateChangeReason), () => `${told}: no reason`);
  } else {
    const asTold = kind === 'raise' && StateChangeReason === 'ValueError: as told';
    promise(
      State === 'FAILED' && (asTold || (session.mayFail && session.isEnded)),
      () => `${told}; it had no cause to`,
    );
    promise(Boolean(StateChangeReason), () => `${told}: no reason`);
  }
  return String(State);
}

async function checkOutput(
  site: Site,
  session: SessionRecord,
  { id, name, kind }: CalculationRecord,
  { Result }: GetCalculationExecutionResponse,
): Promise<void> {
  const [stdout, stderr, result] = await Promise.all(
    [Result?.StdOutS3Uri, Result?.StdErrorS3Uri, Result?.ResultS3Uri].map((uri) => readText(site, uri)),
  );
  const beginning = beginningOf(kind);
  promise(stdout?.startsWith(beginning) === true, () => `stdout of ${id} (${kind}) begins ${stdout?.slice(0, 200)}`);
  // The JVM has its say there too: Spark waits 15 s for the reader of a result that a stop has taken away.
  promise(stderr?.includes('<stdin>') === false, () => `stderr of ${id} (${kind}): ${stderr}`);
  promise(JSON.parse(String(result)).version === 1, () => `result of ${id}: ${result}`);
  checkRuns(session, name, JSON.parse(String(stdout?.slice(beginning.length))));
}

/** @param runs how often each had run when the calculation of this name was at its end */
function checkRuns(session: SessionRecord, name: string, runs: Readonly<Record<string, number>>): void {
  const names = session.calculations.map((each) => each.name);
  const before = new Set(session.calculations.slice(0, names.indexOf(name) + 1).map((each) => each.name));
  for (const [each, count] of Object.entries(runs)) {
    promise(count === 1, () => `calculation ${each} of session ${session.id} ran ${count} times`);
    promise(before.has(each), () => `session ${session.id} has run ${each}, of which no client was told before`);
  }
  for (const { name: each, state, id } of session.calculations) {
    const ran = !before.has(each) || state !== 'COMPLETED' || runs[each] === 1;
    promise(ran, () => `calculation ${id} is COMPLETED, and session ${session.id} does not know of it`);
  }
}

async function readText(site: Site, uri: string | undefined): Promise<string> {
  promise(uri !== undefined, () => 'a COMPLETED calculation without a result');
  const { host, pathname } = new URL(uri);
  const get = new GetObjectCommand({ Bucket: host, Key: decodeURIComponent(pathname.slice(1)) });
  return await untilAnswered(`GetObject ${uri}`, async () => {
    const { Body } = await site.server.s3.send(get);
    return String(await Body?.transformToString());
  });
}
