import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onceThereAreDescriptors } from '../run-out.ts';
import type { DriverFolder } from './driver-folder.ts';
import { DRIVER_FOLDER_VARIABLE, DRIVER_ID_VARIABLE, startTicks } from './processes.ts';
import type { DriverIdentity } from './driver.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import { createSessionPython, pipSettings, sessionEnvironment } from './session-python.ts';

const START_SCRIPT = path.join(import.meta.dirname, '../../spark/start_driver.py');

/** How often a driver that is no child is looked for. */
const WATCH_MS = 250;

/** How a shell, and bubblewrap, tell of a signal: by an exit code. */
const SIGNALED = 128;

export interface DriverProcess {
  readonly identity: DriverIdentity;
  /** Resolves with how the process itself ended. */
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LaunchPaths {
  /** Of the environment that all drivers share. */
  readonly python: string;
  readonly java: string;
  readonly sparkHome: string;
}

/**
 * Starts a driver in its folder, with a Python environment of its own there; in a session and process group of its own, so
 * that it outlives this process.
 * @param sandbox undefined for none; with one the process that is told of is bubblewrap's own, which ends as the driver does
 */
export async function launchDriver(
  folder: DriverFolder,
  paths: LaunchPaths,
  sandbox: Sandbox | undefined,
): Promise<DriverProcess> {
  await createSessionPython(folder.path, paths.python);
  const python = path.join(sessionEnvironment(folder.path), 'bin', 'python');
  const [out, log] = ['driver.out', 'driver.log'].map((name) => openSync(path.join(folder.path, name), 'a', 0o600));
  const command: [string, ...string[]] = [python, '-u', START_SCRIPT, folder.path];
  const [program, ...args] = sandbox?.wrap(folder, command) ?? command;
  const child = spawn(program, args, {
    cwd: path.join(folder.path, 'work'),
    detached: true,
    env: driverEnvironment(folder, paths),
    stdio: ['ignore', out, log],
  });
  for (const each of [out, log]) closeSync(each as number);
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (code, signal) => resolve(sandbox === undefined ? { code, signal } : endWithin(code, signal)));
  });
  await once(child, 'spawn');
  child.unref();
  const pid = child.pid as number;
  return {
    identity: {
      driverId: folder.driverId,
      pid,
      startTicks: startTicks(pid) ?? '',
      folder: folder.path,
      sockets: folder.sockets,
    },
    ended,
  };
}

/** How what runs in a sandbox ended, by how bubblewrap did. */
function endWithin(code: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  const name = Object.entries(constants.signals).find(([, number]) => code === SIGNALED + number)?.[0];
  return name === undefined ? { code, signal } : { code: null, signal: name as NodeJS.Signals };
}

/** A driver that an earlier server launched: no child of this process, so that its end has to be looked for. */
export function watchDriver(identity: DriverIdentity): DriverProcess {
  const ended = (async (): Promise<ProcessEnd> => {
    const lives = () => startTicks(identity.pid) === identity.startTicks;
    while (await onceThereAreDescriptors(lives)) await sleep(WATCH_MS, undefined, { ref: false });
    return { code: null, signal: null };
  })();
  return { identity, ended };
}

/** All that a driver's environment holds: said here, not inherited. No secret is among it. */
function driverEnvironment(folder: DriverFolder, paths: LaunchPaths): NodeJS.ProcessEnv {
  const within = (...names: string[]) => path.join(folder.path, ...names);
  const python = sessionEnvironment(folder.path);
  const folders = [path.join(python, 'bin'), path.dirname(paths.python)];
  const javaHome = path.dirname(path.dirname(realpathSync(paths.java)));
  return {
    [DRIVER_ID_VARIABLE]: folder.driverId,
    [DRIVER_FOLDER_VARIABLE]: folder.path,
    PATH: [...folders, path.join(javaHome, 'bin'), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    VIRTUAL_ENV: python,
    HOME: within('home'),
    TMPDIR: within('tmp'),
    LANG: 'C.UTF-8',
    ...(process.env.TZ === undefined ? {} : { TZ: process.env.TZ }),
    JAVA_HOME: javaHome,
    SPARK_HOME: paths.sparkHome,
    // Of executors on a cluster, where nobody has the driver's folder; with a local master see pip_install.py.
    PYSPARK_PYTHON: paths.python,
    PYSPARK_DRIVER_PYTHON: path.join(python, 'bin', 'python'),
    ...pipSettings(process.env),
    IPYTHONDIR: within('home', '.ipython'),
    // Its own form for clients that draw it, and a page of HTML without the 4 MB of its library for the others.
    PLOTLY_RENDERER: 'plotly_mimetype+notebook_connected',
    AWS_SHARED_CREDENTIALS_FILE: within('aws', 'credentials'),
    AWS_CONFIG_FILE: within('aws', 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
