import path from 'node:path';
import { openRegularFile } from '../regular-files.ts';
import type { ProcessEnd } from './launch.ts';

/** spark/parthenon_driver/jvm.py: ended because its JVM did; the last line of the log says how. */
const EXIT_JVM_GONE = 70;
const TOLD = /^The (Spark driver JVM|session's SparkContext) /;
/** spark/parthenon_driver/kernel.py: ended because its SparkContext had. */
const EXIT_CONTEXT_LOST = 72;
/** spark/parthenon_driver/boot.py: could not start; the last line of the log says why. */
const EXIT_NOT_STARTED = 1;
const TAIL_BYTES = 16_384;
const TAIL_LINES = 10;

/** One sentence, then the last lines of the driver's and of Spark's own log. */
export async function exitReason(folder: string, end: ProcessEnd): Promise<string> {
  const driverLog = await lastLines(path.join(folder, 'driver.log'));
  const sparkLog = await lastLines(path.join(folder, 'spark.log'));
  return [sentence(end, driverLog.at(-1)), ...driverLog, ...sparkLog].join('\n');
}

function sentence(end: ProcessEnd, lastLine: string | undefined): string {
  if (lastLine && [EXIT_JVM_GONE, EXIT_CONTEXT_LOST, EXIT_NOT_STARTED].includes(end.code ?? 0)) {
    return lastLine;
  }
  // An earlier server's child: nobody is told how it ended, and its last line may be of long before.
  if (end.code === null && end.signal === null) {
    return lastLine && TOLD.test(lastLine) ? lastLine : 'The Spark driver has ended';
  }
  return end.signal === null
    ? `The Spark driver ended with exit code ${end.code}`
    : `The Spark driver was ended by ${end.signal}`;
}

async function lastLines(file: string): Promise<string[]> {
  const handle = await openRegularFile(file).catch(() => undefined);
  if (handle === undefined) {
    return [];
  }
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    return lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES);
  } finally {
    await handle.close();
  }
}
