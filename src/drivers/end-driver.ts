import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { onceThereAreDescriptors } from '../run-out.ts';
import type { DriverIdentity } from './driver.ts';
import { removeDriverFolder } from './driver-folder.ts';
import { markedProcesses, namespaceInit, parents, signal, startTicks } from './processes.ts';

const POLL_MS = 20;
/** Long enough for a process in uninterruptible sleep (a slow disk) to get its SIGKILL. */
const KILL_ATTEMPTS = 500;
/** After so many the driver itself no longer waits for what is below it. */
const ORDERLY_ATTEMPTS = 250;
const STOP_ROUNDS = 20;
const REMOVE_ATTEMPTS = 3;

/** What is known of a driver; without a process id only its mark tells its processes. */
type KnownDriver = Pick<DriverIdentity, 'driverId'> & Partial<DriverIdentity>;

/**
 * Ends every process that a driver ever started, by force, and waits until they have gone.
 * @returns the process ids of those that no signal reaches, in general none
 */
export async function killDriver(driver: KnownDriver): Promise<number[]> {
  endNamespace(driver);
  for (let attempt = 0; attempt < KILL_ATTEMPTS; attempt++) {
    const live = await onceThereAreDescriptors(() => stopAll(driver));
    if (live.size === 0) {
      return [];
    }
    // What has no parent among them goes last. That is the driver: while it is there, though stopped, it becomes the
    // parent of whatever loses its own, so that nothing gets out of sight.
    const below = [...live].filter(([, parent]) => live.has(parent));
    const next = below.length === 0 || attempt >= ORDERLY_ATTEMPTS ? [...live] : below;
    for (const [pid] of next) {
      trySignal(pid, 'SIGKILL');
    }
    await sleep(POLL_MS);
  }
  return [...(await onceThereAreDescriptors(() => stopAll(driver))).keys()];
}

/** Ends everything of a driver by force and removes its folder; logs what it cannot end or remove. */
export async function removeDriver(
  driver: KnownDriver & Pick<DriverIdentity, 'folder'>,
  logger: Logger,
): Promise<void> {
  const { driverId, folder } = driver;
  let failure: unknown;
  for (let attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
    const pids = await killDriver(driver);
    if (pids.length > 0) {
      logger.error({ driverId, pids }, 'processes of a driver could not be ended');
      attempt = REMOVE_ATTEMPTS;
    }
    failure = await removeDriverFolder(folder).then(
      () => undefined,
      (error: unknown) => error,
    );
    // What lived a moment longer than it seemed may have made it again.
    if (failure === undefined && !existsSync(folder)) {
      return;
    }
  }
  logger.error({ err: failure, driverId, folder }, 'the folder of a driver could not be removed');
}

/** Of a driver in a sandbox. */
function endNamespace(driver: KnownDriver): void {
  const { pid, startTicks: ticks } = driver;
  if (pid === undefined || ticks === undefined || ticks === '' || startTicks(pid) !== ticks) return;
  const init = namespaceInit(pid);
  if (init !== undefined) trySignal(init, 'SIGKILL');
}

/**
 * Stops all live processes of a driver: what is stopped starts nothing, so they can be found out.
 * @returns each one's parent
 */
function stopAll(driver: KnownDriver): Map<number, number> {
  const stopped = new Set<number>();
  for (let round = 0; ; round++) {
    const live = liveProcesses(driver);
    const running = [...live.keys()].filter((pid) => !stopped.has(pid));
    if (running.length === 0 || round === STOP_ROUNDS) {
      return live;
    }
    for (const pid of running) {
      trySignal(pid, 'SIGSTOP');
      stopped.add(pid);
    }
  }
}

/** The driver, all that carries its mark, and all that is below these: code can clear an environment. */
function liveProcesses({ driverId, pid, startTicks: ticks }: KnownDriver): Map<number, number> {
  const roots = new Set(
    markedProcesses()
      .filter((each) => each.driverId === driverId)
      .map((each) => each.pid),
  );
  if (pid !== undefined && ticks !== undefined && ticks !== '' && startTicks(pid) === ticks) {
    roots.add(pid);
  }
  const parentOf = parents();
  const belongs = (each: number): boolean => {
    let at: number | undefined = each;
    // Bounded, for /proc is not read at one moment: reused ids could make a ring.
    for (let steps = 0; at !== undefined && steps <= parentOf.size; steps++) {
      if (roots.has(at)) {
        return true;
      }
      at = parentOf.get(at);
    }
    return false;
  };
  return new Map([...parentOf].filter(([each]) => belongs(each)));
}

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    signal(pid, name);
  } catch {
    // Another user's by now (sudo): told by whoever sees it left.
  }
}
