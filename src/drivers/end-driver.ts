import { setTimeout as sleep } from 'node:timers/promises';
import { removeDriverFolder } from './driver-folder.ts';
import { markedProcesses, signal } from './processes.ts';

const POLL_MS = 20;
/** Long enough for a process in uninterruptible sleep (a slow disk) to get its SIGKILL. */
const KILL_ATTEMPTS = 500;

/** Ends every process that a driver ever started, by force, and waits until they have gone. */
export async function killDriver(driverId: string): Promise<void> {
  for (let attempt = 0; attempt < KILL_ATTEMPTS; attempt++) {
    const left = markedProcesses().filter((each) => each.driverId === driverId);
    if (left.length === 0) {
      return;
    }
    for (const each of left) {
      signal(each.pid, 'SIGKILL');
    }
    await sleep(POLL_MS);
  }
}

/** Ends everything of a driver by force and removes its folder. */
export async function removeDriver(driverId: string, folder: string): Promise<void> {
  await killDriver(driverId);
  await removeDriverFolder(folder);
}
