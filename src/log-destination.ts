import { writeSync } from 'node:fs';
import { plainJsonLine } from './json-line.ts';

const STDERR = 2;
const PAUSE_MILLIS = 2;
/** A reader of a full pipe gets so long before a line is given up. */
const LONGEST_PAUSES = 500;

/**
 * Where the log goes: standard error, line by line, so that nothing of it is lost when the process ends. A line that cannot be written is given
 * up: of a terminal that was closed each write fails, and pino's own destination would try again for ever. What callers have sent is in
 * lines, and reaches no terminal as more than text.
 */
export const logDestination = {
  write(line: string): void {
    let rest: Uint8Array = Buffer.from(plainJsonLine(line));
    for (let pauses = 0; rest.length > 0 && pauses < LONGEST_PAUSES; ) {
      try {
        rest = rest.subarray(writeSync(STDERR, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        pauses += 1;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLIS);
      }
    }
  },
};
