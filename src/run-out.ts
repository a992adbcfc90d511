/** Where this process or its machine has run out of something for now: descriptors, memory, room on a disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorMessage } from 'node:util';

const RUN_OUT = /^E(MFILE|NFILE|NOMEM|AGAIN|NOSPC|DQUOT)$/;
const DESCRIPTORS = /^E(MFILE|NFILE)$/;
const LOOK_MILLIS = 100;

/** Whether an error of the operating system says that something has run out. */
export function hasRunOut(error: unknown): error is NodeJS.ErrnoException {
  return RUN_OUT.test(codeOf(error));
}

/** Whether an error says that no file could be opened, which says nothing of that file. */
export function lacksDescriptor(error: unknown): boolean {
  return DESCRIPTORS.test(codeOf(error));
}

/** In the system's own words and without the path, e.g. `too many open files (EMFILE)`. */
export function sayWhatHasRunOut({ code = '', errno }: NodeJS.ErrnoException): string {
  return errno === undefined || errno >= 0 ? code : `${getSystemErrorMessage(errno)} (${code})`;
}

/** Repeats what could not be done for want of a descriptor: others give theirs back. */
export async function onceThereAreDescriptors<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!lacksDescriptor(error)) throw error;
      await sleep(LOOK_MILLIS);
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error ? String((error as NodeJS.ErrnoException).code) : '';
}
