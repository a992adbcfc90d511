import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { readSmallFile } from '../regular-files.ts';
import type { DriverIdentity } from './driver.ts';
import type { Limits } from './limits.ts';

/** Longest path of a Unix socket on Linux is 107 bytes; five of `<base>-1` to `<base>-5` are needed. */
const MAX_SOCKET_BASE_BYTES = 105;
const MAX_LAUNCH_BYTES = 1024 * 1024;

/** What a driver is told before it starts: `launch.json`, read by spark/parthenon_driver/launch.py. */
export interface LaunchInstructions {
  readonly java: string;
  readonly sparkHome: string;
  readonly jars: readonly string[];
  /** Where the packages of all sessions are kept; null to keep the session's own in its folder. */
  readonly ivyCache: string | null;
  /** Start a JVM with these Spark properties now, before the session is known; null to wait for all of the session's. */
  readonly jvmProperties: Readonly<Record<string, string>> | null;
  /** Become warm while no session waits. */
  readonly warm: boolean;
  /** Then hold a SparkContext with these properties; null for none. */
  readonly held: { readonly master: string; readonly properties: Readonly<Record<string, string>> } | null;
  /** What no process of it may exceed. */
  readonly limits: Limits;
  /** Whether it runs in a sandbox. */
  readonly sandboxed: boolean;
  /** Classes that Java need not read again; null where there are none. */
  readonly classData: string | null;
}

export interface DriverFolder {
  readonly driverId: string;
  readonly path: string;
  readonly shellAddress: string;
  readonly controlAddress: string;
  readonly key: string;
  /** What the sockets' paths begin with. */
  readonly sockets: string;
}

const MAX_CONNECTION_BYTES = 64 * 1024;
const CONNECTION = z.object({ key: z.string().regex(/^[0-9a-f]{64}$/) });

const PORTS = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };

/**
 * Makes a driver's folder: everything of a driver lies in it, but for its sockets when the path is too long for them.
 * @param parent where driver folders lie
 * @param socketFolder where sockets go that the folder's path is too long for
 */
export async function createDriverFolder(
  driverId: string,
  parent: string,
  socketFolder: string | undefined,
  instructions: LaunchInstructions,
): Promise<DriverFolder> {
  const folder = path.join(parent, driverId);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await mkdir(folder, { mode: 0o700 });
  for (const name of ['home', 'spool', 'tmp', 'work']) {
    await mkdir(path.join(folder, name), { mode: 0o700 });
  }
  const sockets = socketsFor(folder, socketFolder);
  const key = randomBytes(32).toString('hex');
  const connection = { transport: 'ipc', ip: path.join(sockets, 'k'), key, signature_scheme: 'hmac-sha256', ...PORTS };
  await writePrivately(path.join(folder, 'connection.json'), connection);
  await writePrivately(path.join(folder, 'launch.json'), {
    java: instructions.java,
    spark_home: instructions.sparkHome,
    jars: instructions.jars,
    ivy_cache: instructions.ivyCache ?? path.join(folder, 'dependencies', 'ivy-cache'),
    jvm_properties: instructions.jvmProperties,
    warm: instructions.warm,
    held: instructions.held,
    class_data: instructions.classData,
    limits: {
      memory_bytes: instructions.limits.memoryBytes,
      processes: instructions.limits.processes,
      disk_bytes: instructions.limits.diskBytes,
    },
    sandboxed: instructions.sandboxed,
    sockets,
  });
  // Last: once launch.json names it, whoever removes the driver's folder knows of it.
  if (sockets !== folder) await createSocketFolder(sockets);
  return { driverId, path: folder, key, sockets: connection.ip, ...addresses(connection.ip) };
}

/**
 * The folder of a driver that runs already.
 * @throws when its connection file is not one; the session's code could have written it
 */
export async function openDriverFolder({ driverId, folder, sockets }: DriverIdentity): Promise<DriverFolder> {
  const { key } = CONNECTION.parse(
    JSON.parse(await readSmallFile(path.join(folder, 'connection.json'), MAX_CONNECTION_BYTES)),
  );
  return { driverId, path: folder, key, sockets, ...addresses(sockets) };
}

/** Removes a driver's folder and its sockets, wherever they are. Harmless when there is none. */
export async function removeDriverFolder(folder: string): Promise<void> {
  const sockets = await socketsOf(folder).catch(() => undefined);
  // launch.json lies where the session's code can write: only what this room makes is removed.
  if (typeof sockets === 'string' && /^p-[0-9a-f]{12}$/.test(path.basename(sockets))) {
    await rm(sockets, { recursive: true, force: true });
  }
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  await remove().catch(async () => {
    // Code may have taken its own rights to a folder, as some package caches do.
    await takeRights(folder).catch(() => undefined);
    await remove();
  });
}

async function takeRights(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      await takeRights(path.join(folder, entry.name));
    }
  }
}

async function socketsOf(folder: string): Promise<unknown> {
  return JSON.parse(await readSmallFile(path.join(folder, 'launch.json'), MAX_LAUNCH_BYTES)).sockets;
}

function addresses(base: string): { shellAddress: string; controlAddress: string } {
  return {
    shellAddress: `ipc://${base}-${PORTS.shell_port}`,
    controlAddress: `ipc://${base}-${PORTS.control_port}`,
  };
}

function socketsFor(folder: string, socketFolder: string | undefined): string {
  if (Buffer.byteLength(path.join(folder, 'k')) <= MAX_SOCKET_BASE_BYTES) {
    return folder;
  }
  const parent = socketFolder ?? path.join(tmpdir(), `parthenon-${userInfo().uid}`);
  return path.join(parent, `p-${randomBytes(6).toString('hex')}`);
}

async function createSocketFolder(sockets: string): Promise<void> {
  await mkdir(path.dirname(sockets), { recursive: true, mode: 0o700 });
  await mkdir(sockets, { mode: 0o700 });
  await chmod(sockets, 0o700);
}

async function writePrivately(file: string, content: object): Promise<void> {
  await writeFile(file, JSON.stringify(content), { mode: 0o600, flag: 'wx' });
}
