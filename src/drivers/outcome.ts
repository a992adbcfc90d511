import { type CalculationOutcome, DriverDied } from './driver.ts';
import { type Reply, readFailure } from './replies.ts';
import { readOutcome, salvageSpool, spoolFolder } from './spool.ts';

/**
 * How a calculation has ended. A spool that was closed is complete, whatever happened to the driver right after.
 * @param folder the driver's
 * @param answer the driver's reply, or why there is none
 * @throws DriverDied with what could be saved, where there is neither
 */
export async function outcomeOf(
  folder: string,
  calculationId: string,
  answer: Reply | Error,
  startedAt: Date,
): Promise<CalculationOutcome> {
  const outcome = await readOutcome(folder, calculationId);
  if (outcome !== undefined) return outcome;
  const salvaged = await salvageSpool(folder, calculationId);
  if (answer instanceof Error) throw new DriverDied(answer.message, salvaged);
  const left = salvaged ?? spoolFolder(folder, calculationId);
  return { calculationId, ...readFailure(answer), startedAt, endedAt: new Date(), spoolFolder: left };
}
