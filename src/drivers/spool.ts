import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CalculationOutcome } from './driver.ts';

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
  const outcome = JSON.parse(text);
  return {
    calculationId,
    status: outcome.status,
    errorName: outcome.ename ?? undefined,
    errorValue: outcome.evalue ?? undefined,
    startedAt: new Date(outcome.started_at),
    endedAt: new Date(outcome.ended_at),
    spoolFolder: folder,
  };
}

export async function removeSpool(driverFolder: string, calculationId: string): Promise<void> {
  await rm(spoolFolder(driverFolder, calculationId), { recursive: true, force: true });
}
