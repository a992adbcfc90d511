import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { CalculationOutcome } from './driver.ts';

/** `outcome.json`, written by spark/parthenon_driver/spool.py. */
const OUTCOME = z.object({
  status: z.enum(['ok', 'error', 'interrupted']),
  ename: z.string().nullable(),
  evalue: z.string().nullable(),
  started_at: z.coerce.date(),
  ended_at: z.coerce.date(),
});

/** The folder of a calculation that has ended; until then it is `<calculation>.open`. */
export function spoolFolder(driverFolder: string, calculationId: string): string {
  return path.join(driverFolder, 'spool', calculationId);
}

/** How a calculation ended; undefined while its spool is not closed. */
export async function readOutcome(
  driverFolder: string,
  calculationId: string,
): Promise<CalculationOutcome | undefined> {
  const folder = spoolFolder(driverFolder, calculationId);
  const text = await readFile(path.join(folder, 'outcome.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (text === undefined) {
    return undefined;
  }
  // The session's code can write there too, so nothing is taken on trust.
  const outcome = OUTCOME.parse(JSON.parse(text));
  return {
    calculationId,
    status: outcome.status,
    errorName: outcome.ename ?? undefined,
    errorValue: outcome.evalue ?? undefined,
    startedAt: outcome.started_at,
    endedAt: outcome.ended_at,
    spoolFolder: folder,
  };
}

export async function removeSpool(driverFolder: string, calculationId: string): Promise<void> {
  await rm(spoolFolder(driverFolder, calculationId), { recursive: true, force: true });
}
