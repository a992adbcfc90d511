/** Event logs, from S3 back to where Spark's History Server reads them. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { NoSuchObject } from '../objects/object-store.ts';
import type { SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { eventLogKey, eventLogName, eventsFile, statusFile } from './event-log-files.ts';
import { parseS3Uri } from './locations.ts';
import { logDirectory } from './log-targets.ts';
import { sendKept } from './session-logs.ts';

/**
 * Copies the event log of a session that has ended from S3 into a folder that `spark.history.fs.logDirectory` may name. It is there
 * in one step; one that is there already takes its place.
 * @returns whether there is one
 * @throws StorageAway, and what else S3 says
 */
export async function fetchEventLog(
  context: SessionsContext,
  session: Pick<SessionRow, 'id' | 'working_directory'>,
  folder: string,
): Promise<boolean> {
  // It may have ended a moment ago.
  await sendKept(context, session.id);
  const { id } = session;
  // Not a name of the History Server's.
  const partial = join(folder, `.${id}`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    let found = 0;
    while (await fetchFile(context, session, eventsFile(id, found + 1), partial)) found += 1;
    if (found === 0) return false;
    const closed = await fetchFile(context, session, statusFile(id, true), partial);
    if (!closed) await writeFile(join(partial, statusFile(id, false)), '');
    await rm(join(folder, eventLogName(id)), { recursive: true, force: true });
    await rename(partial, join(folder, eventLogName(id)));
    return true;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** @returns whether it is there */
async function fetchFile(
  { objects }: SessionsContext,
  session: Pick<SessionRow, 'id' | 'working_directory'>,
  name: string,
  folder: string,
): Promise<boolean> {
  try {
    const body = await objects.get(parseS3Uri(`${logDirectory(session)}${eventLogKey(session.id, name)}`));
    await pipeline(body, createWriteStream(join(folder, name)));
    return true;
  } catch (error) {
    if (error instanceof NoSuchObject) return false;
    throw error;
  }
}
