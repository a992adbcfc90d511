import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * What of a driver's folder is logs. `driver.out` and `driver.log` are what Python and the JVM write to stdout and stderr while no
 * calculation runs, `spark.log` and what is rolled of it is Spark's own, `event-log` is for its History Server.
 */
const LOGS = /^(event-log|driver\.(out|log)|spark(\.\d+)?\.log|athena_(user|shared)_logger\.log)$/;

/** Where its event log lies in a driver's folder, or in what is kept of one; see spark/parthenon_driver/launch.py. */
export const EVENT_LOG_FOLDER = 'event-log';

/**
 * Takes the logs out of the folder of a driver that has ended, which is removed next: the server sends them to S3 when it can.
 * They are at `<kept>/<session>` in one step. Nothing is followed that the session's code has put in their place.
 * @throws system errors
 */
export async function keepLogs(driverFolder: string, kept: string, sessionId: string): Promise<void> {
  const logs = (await readdir(driverFolder).catch(() => [])).filter((name) => LOGS.test(name));
  const partial = path.join(kept, `${sessionId}.partial`);
  // It may be there: of a server that was killed meanwhile.
  if (logs.length > 0) await mkdir(partial, { recursive: true, mode: 0o700 });
  for (const name of logs) await rename(path.join(driverFolder, name), path.join(partial, name));
  await rename(partial, path.join(kept, sessionId)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** The names of the driver's own logs that lie in a folder. */
export async function driverLogsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => LOGS.test(name) && name !== EVENT_LOG_FOLDER);
}
