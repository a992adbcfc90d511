/** What ends without being asked: SIGKILL to the server, a driver's kernel, its JVM, the metastore. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../../src/drivers/processes.ts';
import { cleanEnvironment } from '../support/server.ts';
import type { Strike } from './plan.ts';
import type { Site } from './site.ts';
import { age, checkState } from './state.ts';

/** A server that is being started is struck within so long. */
const STARTING_MILLIS = 900;
/** What the command line of each holds. */
const PARTS = { kernel: 'start_driver.py', jvm: 'org.apache.spark.deploy.SparkSubmit' } as const;
const CLI = resolve(import.meta.dirname, '..', '..', 'src', 'cli.ts');

/** Strikes, and starts the server again where it was struck. @returns what was hit, one name for each */
export async function carryOut(site: Site, strike: Strike): Promise<string[]> {
  await sleep(strike.afterMillis);
  // Who asks for a session from now on may lose it, and so may who has not got it yet.
  site.isStruck = true;
  for (const session of site.sessions) if (!session.isStarted) session.mayFail = true;
  if (strike.what === 'metastore') return killMetastore(site);
  if (strike.what === 'kernel' || strike.what === 'jvm') return killPart(site, strike.what, strike.which);
  await site.server.stop('SIGKILL');
  site.poolSize = strike.poolSize;
  const hit: string[] = [strike.what];
  checkState(site);
  if (strike.meanwhile !== undefined) hit.push(...killPart(site, strike.meanwhile, strike.which));
  if (strike.aged !== undefined && age(site, strike.aged)) hit.push('idle timeout');
  await sleep(strike.downMillis);
  if (strike.what === 'recovering server') await killWhileStarting(site, strike.which * STARTING_MILLIS);
  await site.start();
  return hit;
}

function killMetastore(site: Site): string[] {
  const pids = site.metastores();
  for (const pid of pids) signal(pid, 'SIGKILL');
  return pids.map(() => 'metastore');
}

/** @param which from 0 to below 1, of all drivers that there are, the pool's included */
function killPart(site: Site, part: keyof typeof PARTS, which: number): string[] {
  const all = site.driverProcesses().filter(({ pid }) => commandLine(pid).includes(PARTS[part]));
  const struck = all[Math.floor(which * all.length)];
  if (struck === undefined) return [];
  const session = site.sessionOf(struck.driverId);
  if (session !== undefined) session.mayFail = true;
  signal(struck.pid, 'SIGKILL');
  return [session === undefined ? `${part} of a driver without a session` : part];
}

async function killWhileStarting(site: Site, afterMillis: number): Promise<void> {
  const flags = Object.entries({ ...site.settings, home: site.home }).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, [CLI, 'start', ...flags], { env: cleanEnvironment(), stdio: 'ignore' });
  const exited = once(child, 'exit');
  await sleep(afterMillis);
  child.kill('SIGKILL');
  await exited;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
