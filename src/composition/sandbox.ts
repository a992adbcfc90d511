/** Whether sessions run in a sandbox: the setting, what this system allows, and saying so. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config.ts';
import type { Limits } from '../drivers/limits.ts';
import { openSandbox, type Sandbox, SandboxUnusable } from '../drivers/sandbox/sandbox.ts';
import { pipPaths, pipSettings } from '../drivers/session-python.ts';
import { driverJars, locateRuntime, type Runtime, RuntimeMissing } from '../runtime/runtime.ts';
import { pathsNamed } from '../spark-properties/local-paths.ts';

const MEBIBYTE = 1024 ** 2;
/** Of a session's memory. */
const SHARED_MEMORYS_PART = 4;
/** Of the disk, for one session. */
const DISKS_PART = 2;

/**
 * The sandbox that the settings ask for, tried; undefined for none, which the log then says.
 * @throws ConfigError when one is required and cannot be had
 */
export async function sandboxOf(config: Config, runtime: Runtime, logger: Logger): Promise<Sandbox | undefined> {
  if (config.sandbox === 'off') {
    logger.warn('PARTHENON_SANDBOX is off: the code of sessions reaches whatever the user of this server can reach');
    return undefined;
  }
  try {
    const sandbox = await openSandbox(viewOf(config, runtime));
    logger.info({ sandbox: sandbox.name }, 'Sessions run in a sandbox');
    return sandbox;
  } catch (error) {
    if (!(error instanceof SandboxUnusable)) throw error;
    if (config.sandbox === 'required') throw new ConfigError(`PARTHENON_SANDBOX is required, but ${error.message}.`);
    logger.warn(
      { reason: error.message },
      'NO SANDBOX: the code of sessions reaches whatever the user of this server can reach, its keys included',
    );
    return undefined;
  }
}

/** What a server with these settings would say of its sandbox; one line. */
export async function describeSandbox(config: Config): Promise<string> {
  if (config.sandbox === 'off') return 'Sessions run WITHOUT A SANDBOX: it is off';
  try {
    return `Sessions run in a sandbox: ${(await openSandbox(viewOf(config, locateRuntime()))).name}`;
  } catch (error) {
    if (error instanceof RuntimeMissing)
      return 'Whether sessions can run in a sandbox is known after set-up: npm run setup';
    if (!(error instanceof SandboxUnusable)) throw error;
    return `Sessions run WITHOUT A SANDBOX: ${error.message}`;
  }
}

/** What each session may take of the machine. */
export function limitsOf(config: Config): Limits {
  const { maxMemoryPerSession = config.sessionMemory, maxProcessesPerSession, maxDiskPerSession } = config;
  return {
    memoryBytes: maxMemoryPerSession * MEBIBYTE,
    processes: maxProcessesPerSession,
    diskBytes: maxDiskPerSession === undefined ? halfOfDisk(config.home) : maxDiskPerSession * MEBIBYTE,
  };
}

function halfOfDisk(folder: string): number {
  const { blocks, bsize } = statfsSync(existsSync(folder) ? folder : dirname(folder));
  return Math.floor((blocks * bsize) / DISKS_PART);
}

function viewOf(config: Config, runtime: Runtime) {
  const { python, java, sparkHome, classData } = runtime;
  return {
    python,
    java,
    sparkHome,
    jars: driverJars(runtime),
    classData,
    // What operators name in their own properties, sessions have to find.
    readable: [...config.allowedPaths, ...pathsNamed(config.sparkProperties), ...pipPaths(pipSettings(process.env))],
    hidden: [config.home],
    drivers: join(config.home, 'drivers'),
    sharedMemoryBytes: Math.floor(limitsOf(config).memoryBytes / SHARED_MEMORYS_PART),
  };
}
