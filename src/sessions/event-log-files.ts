/**
 * Names of event logs, as Spark's History Server knows them: `eventlog_v2_<session>/` with `events_1_<session>.zstd` and so on, and an
 * empty `appstatus_<session>`, which ends with `.inprogress` for a log that nobody has closed.
 */
import { type FileHandle, readdir } from 'node:fs/promises';
import { inFolder } from '../regular-files.ts';

const OPEN = '.inprogress';

/** The name of a session's log: a folder, on disk and in S3. */
export function eventLogName(sessionId: string): string {
  return `eventlog_v2_${sessionId}`;
}

/** Where a file of an event log stands below what a session leaves of logs. */
export function eventLogKey(sessionId: string, file: string): string {
  return `event-log/${eventLogName(sessionId)}/${file}`;
}

/** The empty file that says how far a log is. */
export function statusFile(sessionId: string, closed: boolean): string {
  return `appstatus_${sessionId}${closed ? '' : OPEN}`;
}

/** @param number from 1 */
export function eventsFile(sessionId: string, number: number): string {
  return `events_${number}_${sessionId}.zstd`;
}

/** The files that lie in a log's folder under the names that Spark gives, in the order in which it was written. */
export async function eventsFiles(folder: FileHandle, sessionId: string): Promise<string[]> {
  const numbers = (await readdir(inFolder(folder, '.'), { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, Number(/^events_(\d{1,9})_/.exec(name)?.[1])] as const)
    .filter(([name, number]) => name === eventsFile(sessionId, number));
  return numbers.sort(([, one], [, other]) => one - other).map(([name]) => name);
}
