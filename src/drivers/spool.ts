import { type FileHandle, lstat, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { inFolder, openFolder, readSmallFile, removeIn } from '../regular-files.ts';
import { onceThereAreDescriptors } from '../run-out.ts';
import type { CalculationOutcome } from './driver.ts';

/** The exception's text is cut to some ten thousand characters, each of up to six bytes in JSON. */
const MAX_OUTCOME_BYTES = 256 * 1024;
/** What `result.json` is for a calculation whose own was never finished. */
const NO_RESULTS = '{"version":1,"outputs":[\n]}\n';

const TEXT = z.string().transform((text) => text.toWellFormed());

/** `outcome.json`, written by spark/parthenon_driver/spool.py. */
const OUTCOME = z.object({
  status: z.enum(['ok', 'error', 'interrupted']),
  ename: TEXT.nullable(),
  evalue: TEXT.nullable(),
  started_at: z.coerce.date(),
  ended_at: z.coerce.date(),
});

/** The folder of a calculation that has ended; until then it is `<calculation>.open`. */
export function spoolFolder(driverFolder: string, calculationId: string): string {
  return path.join(driverFolder, 'spool', calculationId);
}

/** The folder of a calculation that runs. */
export function openSpoolFolder(driverFolder: string, calculationId: string): string {
  return `${spoolFolder(driverFolder, calculationId)}.open`;
}

/**
 * How a calculation ended; undefined while its spool is not closed, and for one that holds anything else. The session's
 * code can write there too, so nothing is taken on trust.
 */
export async function readOutcome(
  driverFolder: string,
  calculationId: string,
): Promise<CalculationOutcome | undefined> {
  const folder = spoolFolder(driverFolder, calculationId);
  if (!(await isOwnFolder(folder))) {
    return undefined;
  }
  const read = () => readSmallFile(path.join(folder, 'outcome.json'), MAX_OUTCOME_BYTES, driverFolder);
  const outcome = await onceThereAreDescriptors(read)
    .then((text) => OUTCOME.parse(JSON.parse(text)))
    .catch(() => undefined);
  return (
    outcome && {
      calculationId,
      status: outcome.status,
      errorName: outcome.ename ?? undefined,
      errorValue: outcome.evalue ?? undefined,
      startedAt: outcome.started_at,
      endedAt: outcome.ended_at,
      spoolFolder: folder,
    }
  );
}

/**
 * Closes the spool of a calculation that cannot do it any more, with what it had put out until then and no results.
 * @returns the closed folder; undefined when nothing had been put out, or it cannot be closed
 */
export async function salvageSpool(driverFolder: string, calculationId: string): Promise<string | undefined> {
  try {
    await using spool = await openFolder(path.join(driverFolder, 'spool'));
    {
      await using open = await openFolder(inFolder(spool, `${calculationId}.open`));
      await replaceFile(open, 'result.json', NO_RESULTS);
      for (const name of ['stdout', 'stderr']) {
        const there = await lstat(inFolder(open, name)).catch(() => undefined);
        if (!there?.isFile()) await replaceFile(open, name, '');
      }
    }
    await rename(inFolder(spool, `${calculationId}.open`), inFolder(spool, calculationId));
    return spoolFolder(driverFolder, calculationId);
  } catch {
    return undefined; // nothing there, a full disk, or the code's doing
  }
}

/** What the code keeps from being removed goes with the driver's folder. */
export async function removeSpool(driverFolder: string, calculationId: string): Promise<void> {
  try {
    await using spool = await openFolder(path.join(driverFolder, 'spool'));
    await removeIn(spool, calculationId);
  } catch {
    // no spool any more, or rights taken away
  }
}

/** Removes what calculations have left that are not to be gone on with: a server was killed between their end and that. */
export async function removeOtherSpools(driverFolder: string, kept: readonly string[]): Promise<void> {
  try {
    await using spool = await openFolder(path.join(driverFolder, 'spool'));
    const names = await readdir(inFolder(spool, '.'));
    for (const name of names.filter((each) => !kept.includes(each.replace(/\.open$/, '')))) await removeIn(spool, name);
  } catch {
    // As with `removeSpool`.
  }
}

/** Whether a calculation's folder and the one above it are folders, and no links to elsewhere. */
async function isOwnFolder(folder: string): Promise<boolean> {
  const both = await Promise.all([path.dirname(folder), folder].map((each) => lstat(each).catch(() => undefined)));
  return both.every((each) => each?.isDirectory());
}

async function replaceFile(folder: FileHandle, name: string, content: string): Promise<void> {
  await removeIn(folder, name);
  await writeFile(inFolder(folder, name), content, { mode: 0o600, flag: 'wx' });
}
