/** The way of a calculation's output from its spool to S3, however long S3 is away. */
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EncryptionConfiguration } from '@aws-sdk/client-athena';
import type { Driver } from '../drivers/driver.ts';
import { type ObjectEncryption, StorageAway } from '../objects/object-store.ts';
import { findCalculation, markResult, moveCalculation } from '../store/calculations.ts';
import { findSession } from '../store/sessions.ts';
import type { SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { EarlyResults, type ResultPlace } from './early-results.ts';
import { fitReason } from './ending.ts';
import { calculationDirectory, parseS3Uri, type ResultFile, resultFiles, resultUri } from './locations.ts';
import { untilRecorded } from './recorded.ts';

const FIRST_RETRY_MILLIS = 250;
/** A stop of the calculation is seen after so long, and what S3 itself takes to fail. */
const LAST_RETRY_MILLIS = 5_000;

/** The results could not be written, and will not be. */
export class ResultsLost extends Error {
  override readonly name = 'ResultsLost';
}

/**
 * Puts what a calculation has put out into S3. While S3 is away or has no room it is tried again, which the calculation's
 * StateChangeReason says; until somebody stops the calculation, or ends its session.
 *
 * @param sent what is there already
 * @throws ResultsLost
 */
export async function keepResults(
  context: SessionsContext,
  session: SessionRow,
  calculationId: string,
  spoolFolder: string,
  sent: ReadonlySet<ResultFile> = new Set(),
): Promise<void> {
  const directory = calculationDirectory(session.working_directory, calculationId);
  let retryMillis = FIRST_RETRY_MILLIS;
  for (let tries = 0; ; tries += 1) {
    try {
      await upload(context, session, directory, spoolFolder, sent);
      if (tries > 0) context.logger.info({ calculationId, tries }, 'Results are written after all');
      return;
    } catch (error) {
      const { message } = error as Error;
      const reason = `its results could not be written to ${directory}: ${message}`;
      if (tries === 0) context.logger.error({ err: error, calculationId }, 'Results could not be written');
      const goOn =
        error instanceof StorageAway && (await untilRecorded(context, () => isWaiting(context, calculationId, reason)));
      if (!goOn) throw new ResultsLost(`The code has ended, but ${reason}`, { cause: error });
      await sleep(retryMillis);
      retryMillis = Math.min(retryMillis * 2, LAST_RETRY_MILLIS);
    }
  }
}

/** What a calculation had put out before its driver died. The calculation is FAILED already; its output follows. */
export async function keepRemains(
  context: SessionsContext,
  session: SessionRow,
  calculationId: string,
  spoolFolder: string | undefined,
): Promise<void> {
  if (spoolFolder === undefined) return;
  try {
    await keepResults(context, session, calculationId, spoolFolder);
    await untilRecorded(context, () => markResult(context.database, calculationId));
  } catch (error) {
    context.logger.warn(
      { err: error, calculationId },
      'The output of a calculation whose driver died could not be kept',
    );
  }
}

/** Says why the calculation has not ended. @returns whether its results are still wanted */
async function isWaiting(context: SessionsContext, calculationId: string, reason: string): Promise<boolean> {
  const change = { state_change_reason: fitReason(`The code has ended; ${reason}. It is tried again.`) };
  if (await moveCalculation(context.database, calculationId, 'RUNNING', ['RUNNING'], change)) return true;
  const row = await findCalculation(context.database, calculationId);
  const session = row && (await findSession(context.database, row.session_id));
  return row?.state === 'FAILED' && session?.state === 'FAILED';
}

async function upload(
  context: SessionsContext,
  session: SessionRow,
  directory: string,
  spoolFolder: string,
  sent: ReadonlySet<ResultFile>,
): Promise<void> {
  const files = (Object.keys(resultFiles) as ResultFile[]).filter((file) => !sent.has(file));
  await Promise.all(
    files.map(async (file) => {
      const { location, options } = placeOf(session, directory, file);
      // The code may still be there, and put links in place of folders.
      const within = dirname(dirname(spoolFolder));
      await context.objects.putFile(location, join(spoolFolder, resultFiles[file].name), { ...options, within });
    }),
  );
}

/** Begins to send what becomes large while the code runs. */
export function sendEarly(
  { objects, logger }: SessionsContext,
  session: SessionRow,
  calculationId: string,
  driver: Driver,
): EarlyResults {
  const directory = calculationDirectory(session.working_directory, calculationId);
  const placed = (file: ResultFile) => placeOf(session, directory, file);
  return new EarlyResults(objects, driver.openSpool(calculationId), placed, logger.child({ calculationId }));
}

function placeOf(session: SessionRow, directory: string, file: ResultFile): ResultPlace {
  const { contentType } = resultFiles[file];
  return { location: parseS3Uri(resultUri(directory, file)), options: { contentType, ...encryptionOf(session) } };
}

/** As the workgroup asked for it when the session was started. */
export function encryptionOf(session: { readonly encryption_configuration_json?: string | null | undefined }): {
  encryption?: ObjectEncryption;
} {
  if (!session.encryption_configuration_json) return {};
  const { EncryptionOption: option, KmsKey: kmsKey } = JSON.parse(
    session.encryption_configuration_json,
  ) as EncryptionConfiguration;
  if (option !== 'SSE_S3' && option !== 'SSE_KMS') return {};
  // SSE_KMS without a key is S3's own choice of one; SSE_S3 knows none.
  return { encryption: option === 'SSE_KMS' && kmsKey ? { option, kmsKey } : { option } };
}
