/** The way of sessions' logs to S3: while they run, and once they have ended, however long S3 is away. */
import { type FileHandle, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { driverLogsIn, EVENT_LOG_FOLDER } from '../drivers/kept-logs.ts';
import { type ObjectStore, type S3Location, StorageAway } from '../objects/object-store.ts';
import { inFolder, openFolder, openRegularFile, removeIn } from '../regular-files.ts';
import { findSession } from '../store/sessions.ts';
import { inBackground, type SessionsContext } from './context.ts';
import { eventLogKey, eventLogName, eventsFiles, statusFile } from './event-log-files.ts';
import { parseS3Uri } from './locations.ts';
import { storeOf } from './log-stores.ts';
import { driverLog, type LoggedSession, type LogTarget, logTargets } from './log-targets.ts';

/** S3 that did not take what a session has left is asked again after so long. */
const RETRY_MILLIS = 5_000;
/** What is longer goes in pieces of this, each sent once: the log of weeks is not sent again for a line more. Above what Spark rolls. */
const PIECE_BYTES = 16 * 1024 * 1024;
const TEXT = 'text/plain; charset=utf-8';
const EVENTS = 'application/octet-stream';
const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What is known of logs on their way. Nothing in here is the truth: that is the files, and what is in S3. */
export class LogTraffic {
  /** By session: resolved when what is being sent has been. */
  readonly sending = new Map<string, Promise<void>>();
  /** What was sent of a session that runs: the state of a file by the object's URI. */
  readonly sent = new Map<string, Map<string, string>>();
  /** What was said of a session's logs that could not be written: once is enough. */
  readonly said = new Map<string, Set<string>>();
  /** With the rights of roles, by session. */
  readonly roleStores = new Map<string, { readonly store: ObjectStore; readonly until: number }>();
  /** By the steady clock. */
  readonly retryAt = new Map<string, number>();
  liveSentAt = Number.NEGATIVE_INFINITY;
}

/** Sends, in the background, what is due. @param steady milliseconds of a clock that nobody sets */
export async function sweepLogs(context: SessionsContext, steady: number): Promise<void> {
  const { logTraffic: traffic, settings } = context;
  const kept = await keptSessions(context);
  for (const id of kept) {
    if (traffic.sending.has(id) || (traffic.retryAt.get(id) ?? 0) > steady) continue;
    traffic.retryAt.set(id, steady + RETRY_MILLIS);
    void inBackground(context, `Logs of session ${id}`, () => sendKept(context, id));
  }
  if (steady - traffic.liveSentAt < settings.logSeconds * 1000) return;
  traffic.liveSentAt = steady;
  for (const known of [traffic.sent, traffic.said, traffic.roleStores]) {
    for (const id of known.keys()) if (!context.live.has(id) && !kept.includes(id)) known.delete(id);
  }
  for (const [id, driver] of context.live) {
    if (traffic.sending.has(id)) continue;
    const send = () => inTurn(context, id, () => sendLive(context, id, driver.identity.folder));
    void inBackground(context, `Logs of session ${id}`, send);
  }
}

/** Sends what ended sessions have left, once; what S3 does not take waits on. */
export async function sendKeptLogs(context: SessionsContext): Promise<void> {
  const send = (id: string) => inBackground(context, `Logs of session ${id}`, () => sendKept(context, id));
  await Promise.all((await keptSessions(context)).map(send));
}

/** Resolves once the logs that a session has left are in S3, or are going to be tried again. Harmless when it has left none. */
export async function sendKept(context: SessionsContext, sessionId: string): Promise<void> {
  await inTurn(context, sessionId, async () => {
    const folder = join(context.settings.keptLogs, sessionId);
    if (!(await keptSessions(context)).includes(sessionId)) return;
    const session = await findSession(context.database, sessionId);
    // Nobody lists the session any more.
    const away = session !== undefined && (await sendAll(context, session, folder, true));
    if (away) return;
    const { sent, said, retryAt } = context.logTraffic;
    for (const known of [sent, said, retryAt]) known.delete(sessionId);
    await rm(folder, { recursive: true, force: true });
  });
}

async function sendLive(context: SessionsContext, sessionId: string, folder: string): Promise<void> {
  const session = await findSession(context.database, sessionId);
  if (session !== undefined) await sendAll(context, session, folder, false);
}

/** What came of sending something: S3 has it, is to be asked again, or will not have it. */
type Sent = 'sent' | 'away' | 'refused';

/**
 * @param final whether nothing more is to come
 * @returns whether S3 is to be asked again
 */
async function sendAll(
  context: SessionsContext,
  session: LoggedSession,
  folder: string,
  final: boolean,
): Promise<boolean> {
  let away = false;
  const trying: Trying = async (target, send) => {
    try {
      await send(await storeOf(context, session, target));
      return 'sent';
    } catch (error) {
      // Not there any more: the session has ended, or Spark has removed what it had rolled.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'away';
      const mayPass = error instanceof StorageAway;
      away ||= mayPass;
      sayOnce(context, session.id, target, error as Error);
      return mayPass ? 'away' : 'refused';
    }
  };
  const targets = logTargets(session, context.settings);
  for (const target of targets.filter(({ live }) => live || final))
    await sendDriverLogs(context, session, folder, target, trying);
  await sendEventLog(context, session, folder, targets, final, trying);
  return away;
}

type Trying = (target: LogTarget, send: (store: ObjectStore) => Promise<void>) => Promise<Sent>;

function sayOnce({ logTraffic, logger }: SessionsContext, sessionId: string, target: LogTarget, error: Error): void {
  const { directory } = target;
  const said = logTraffic.said.get(sessionId) ?? new Set<string>();
  if (said.has(`${directory} ${error.message}`)) return;
  logTraffic.said.set(sessionId, said.add(`${directory} ${error.message}`));
  logger.warn({ err: error, sessionId, directory }, 'Logs of a session could not be written');
}

async function sendDriverLogs(
  context: SessionsContext,
  session: LoggedSession,
  folder: string,
  target: LogTarget,
  trying: Trying,
): Promise<void> {
  for (const file of target.driver.length === 0 ? [] : await driverLogsIn(folder)) {
    const { name, type } = driverLog(file);
    if (!target.driver.includes(type)) continue;
    await trying(target, (store) => sendPieces(context, store, session.id, join(folder, file), folder, target, name));
  }
}

/** Sends a text that only grows: full pieces once, as `<name>.1` and so on, and what is behind them as `<name>`. */
async function sendPieces(
  { logTraffic }: SessionsContext,
  store: ObjectStore,
  sessionId: string,
  path: string,
  within: string,
  { directory, encryption }: LogTarget,
  name: string,
): Promise<void> {
  await using file = await openRegularFile(path, within);
  const { size, ino } = await file.stat();
  const full = Math.floor(size / PIECE_BYTES);
  for (let piece = 0; piece <= full; piece += 1) {
    const uri = `${directory}${name}${piece < full ? `.${piece + 1}` : ''}`;
    const start = piece * PIECE_BYTES;
    const length = Math.min(PIECE_BYTES, size - start);
    await onceChanged(logTraffic, sessionId, uri, `${ino} ${start} ${length}`, async () => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
      const options = { contentType: TEXT, ...(encryption && { encryption }) };
      await store.put(parseS3Uri(uri), buffer.subarray(0, bytesRead), options);
    });
  }
}

/** Files that are full go at once, and then from the disk; the last one at the end, or while it grows where it is to be read then. */
async function sendEventLog(
  context: SessionsContext,
  session: LoggedSession,
  folder: string,
  targets: readonly LogTarget[],
  final: boolean,
  trying: Trying,
): Promise<void> {
  const wanting = targets.filter(({ eventLog }) => eventLog);
  if (wanting.length === 0) return;
  await using log = await openFolder(join(folder, EVENT_LOG_FOLDER, eventLogName(session.id))).catch(() => undefined);
  if (log === undefined) return;
  const files = await eventsFiles(log, session.id);
  const closed = final && (await readdir(inFolder(log, '.'))).includes(statusFile(session.id, true));
  for (const name of files) {
    const growing = !final && name === files.at(-1);
    const sent: Sent[] = [];
    for (const target of wanting.filter(({ live }) => live || !growing))
      sent.push(await trying(target, (store) => sendFile(context, store, session.id, log, name, folder, target)));
    if (!final && !growing && !sent.includes('away')) await removeIn(log, name);
  }
  if (files.length === 0) return;
  for (const target of wanting.filter(({ live }) => live || final)) {
    const [status, before] = [statusFile(session.id, closed), statusFile(session.id, false)];
    await trying(target, (store) => sendFile(context, store, session.id, log, status, folder, target));
    if (closed) await trying(target, (store) => store.delete(placeOf(target, session.id, before)));
  }
}

async function sendFile(
  { logTraffic }: SessionsContext,
  store: ObjectStore,
  sessionId: string,
  log: FileHandle,
  name: string,
  within: string,
  target: LogTarget,
): Promise<void> {
  const path = inFolder(log, name);
  const { size, mtimeMs } = await lstat(path);
  const place = placeOf(target, sessionId, name);
  const { encryption } = target;
  await onceChanged(logTraffic, sessionId, `${place.bucket}/${place.key}`, `${size} ${mtimeMs}`, () =>
    store.putFile(place, path, { contentType: EVENTS, ...(encryption && { encryption }), within }),
  );
}

function placeOf({ directory }: LogTarget, sessionId: string, name: string): S3Location {
  return parseS3Uri(`${directory}${eventLogKey(sessionId, name)}`);
}

async function onceChanged(
  { sent }: LogTraffic,
  sessionId: string,
  object: string,
  state: string,
  send: () => Promise<void>,
): Promise<void> {
  const states = sent.get(sessionId) ?? new Map<string, string>();
  if (states.get(object) === state) return;
  await send();
  sent.set(sessionId, states.set(object, state));
}

async function inTurn({ logTraffic }: SessionsContext, id: string, work: () => Promise<void>): Promise<void> {
  const { sending } = logTraffic;
  const before = sending.get(id) ?? Promise.resolve();
  const mine: Promise<void> = before
    .catch(() => undefined)
    .then(work)
    .finally(() => sending.get(id) === mine && sending.delete(id));
  sending.set(id, mine);
  await mine;
}

/** Sessions that have ended, and whose logs are not in S3 yet. */
async function keptSessions({ settings }: SessionsContext): Promise<string[]> {
  return (await readdir(settings.keptLogs).catch(() => [])).filter((name) => SESSION_ID.test(name));
}
