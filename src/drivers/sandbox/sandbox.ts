/**
 * Keeps a driver, and so a session's code, from everything of this machine that is none of its business: bubblewrap gives it
 * namespaces of its own (https://github.com/containers/bubblewrap). What is promised: docs/operators/isolation.md.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { DriverFolder } from '../driver-folder.ts';
import { installHint } from './install-hint.ts';
import { isBelow, type Mount, programMounts, readOnly, realPath, systemMounts } from './view.ts';

/** Python of the driver itself. */
const START_FOLDER = path.join(import.meta.dirname, '../../../spark');

const PROGRAM = 'bwrap';
const PROBE_MILLIS = 20_000;
/** Of a Python's own folder, which on a developer's machine may be a home that holds more. */
const OF_PYTHON = ['bin', 'lib', 'lib64', 'include'];
/** Of `/proc` what is the kernel's, not a process's: who is root outside could write it without any right in here. */
const KERNEL = ['acpi', 'bus', 'fs', 'irq', 'pressure', 'scsi', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);
/** Opens each of its arguments. */
const LOOK = 'import os, sys; [os.stat(each) for each in sys.argv[1:]]';

/** What drivers must see. Absolute paths, all of them. */
export interface SandboxView {
  readonly python: string;
  readonly java: string;
  readonly sparkHome: string;
  readonly jars: readonly string[];
  readonly classData: string | null;
  /** Files and folders of the operator's that sessions may read; those that are not there are left out. */
  readonly readable: readonly string[];
  /** Folders of which drivers see nothing but what is theirs, also where `readable` names one above. */
  readonly hidden: readonly string[];
  /** Where driver folders lie. */
  readonly drivers: string;
  /** Bytes that `/dev/shm` may take. */
  readonly sharedMemoryBytes: number;
}

/** Runs commands in a sandbox. */
export interface Sandbox {
  /** e.g. `bubblewrap 0.8.0` */
  readonly name: string;
  /** The command that runs `command` in the driver's sandbox. */
  wrap(driver: Pick<DriverFolder, 'path' | 'sockets'>, command: readonly [string, ...string[]]): [string, ...string[]];
}

/** No sandbox can be made here. The message is one sentence for operators, with the command that helps where there is one. */
export class SandboxUnusable extends Error {
  override readonly name = 'SandboxUnusable';
}

/**
 * Makes a sandbox as drivers will have it, once, and looks around in it.
 * @throws SandboxUnusable
 */
export async function openSandbox(view: SandboxView): Promise<Sandbox> {
  const sandbox = makeSandbox(view, await version());
  // What asks before the first start leaves nothing in a home.
  const folder = await mkdtemp(path.join(existsSync(view.drivers) ? view.drivers : tmpdir(), 'probe-'));
  try {
    for (const each of ['tmp', 'work']) await mkdir(path.join(folder, each));
    const [program, ...args] = sandbox.wrap({ path: folder, sockets: path.join(folder, 'k') }, [
      view.python,
      ...['-I', '-S', '-c', LOOK, folder, view.java, ...partsOf(view)],
    ]);
    await execute(program, args);
  } catch (error) {
    const problem = lastWords(error);
    throw new SandboxUnusable(`${sandbox.name} cannot make a sandbox here: ${problem}. ${installHint(problem)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return sandbox;
}

function pathOfProgram(): string {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return folders.map((folder) => path.join(folder, PROGRAM)).find((each) => existsSync(each)) ?? PROGRAM;
}

async function version(): Promise<string> {
  try {
    return (await execute(PROGRAM, ['--version'])).stdout.trim();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'bubblewrap is not installed' : `bubblewrap does not run: ${lastWords(error)}`;
    throw new SandboxUnusable(`${problem}. ${installHint()}`);
  }
}

/** A sandbox that nobody has tried. */
export function makeSandbox(view: SandboxView, name = 'bubblewrap'): Sandbox {
  // In full: a driver's own PATH is another.
  const program = pathOfProgram();
  return {
    name,
    wrap: (driver, command) => {
      const mounts = [...systemMounts(), ...runtimeMounts(view), ...view.readable.flatMap(readOnly)];
      return [program, ...namespaces(), ...fileSystem(driver, mounts, view), '--', ...command];
    },
  };
}

/** Processes, SysV memory and users of its own, no rights in any of them, and no further namespaces. */
function namespaces(): string[] {
  const unshared = ['user', 'pid', 'ipc'].map((each) => `--unshare-${each}`);
  return [...unshared, '--disable-userns', '--cap-drop', 'ALL', '--new-session'];
}

function runtimeMounts(view: SandboxView): Mount[] {
  // The shared environment's interpreter leads to the one that it was made of.
  return [...partsOf(view).flatMap(readOnly), ...programMounts(view.python, OF_PYTHON), ...programMounts(view.java)];
}

/** Files and folders of the runtime. */
function partsOf({ python, sparkHome, jars, classData }: SandboxView): string[] {
  const folders = new Set(jars.map((jar) => path.dirname(jar)));
  const environment = path.dirname(path.dirname(python));
  return [START_FOLDER, environment, sparkHome, ...folders, ...(classData === null ? [] : [classData])];
}

/** What the driver sees of files: the system and the runtime to read, its own folder to write, and no more. */
function fileSystem(
  driver: Pick<DriverFolder, 'path' | 'sockets'>,
  mounts: readonly Mount[],
  { hidden, drivers, sharedMemoryBytes }: SandboxView,
): string[] {
  const secret = hidden.flatMap((each) => realPath(each) ?? []);
  const others = realPath(drivers) ?? drivers;
  const [within, wanted] = split(mounts, ({ path: each }) => isBelow(each, [...secret, ...hidden]));
  const [first, then] = split(withoutRepetitions(wanted), ({ path: each }) =>
    ['/proc', '/dev', '/tmp', '/var/tmp'].some((special) => isBelow(special, [each])),
  );
  const emptied = [...first, ...then].flatMap((each) => secretsIn(each, secret));
  // An operator may name a folder of the server's own: but neither all of it, nor where drivers lie.
  const given = withoutRepetitions(within).filter(
    (each) => secretsIn(each, [...secret, others]).length === 0 && !showsPartOf(each, others),
  );
  const own = [...new Set([driver.path, path.dirname(driver.sockets)])];
  return [
    ...first.flatMap(argumentsOf),
    ...['--proc', '/proc', ...KERNEL.flatMap((each) => ['--ro-bind-try', each, each])],
    ...['--dev', '/dev', '--size', String(sharedMemoryBytes), '--tmpfs', '/dev/shm'],
    // On disk, where the session's limit counts it, in place of the system's.
    ...['--bind', path.join(driver.path, 'tmp'), '/tmp'],
    ...['--bind', path.join(driver.path, 'tmp'), '/var/tmp'],
    ...then.flatMap(argumentsOf),
    ...emptied.flatMap((each) => ['--tmpfs', each]),
    ...given.flatMap(argumentsOf),
    ...own.flatMap((each) => ['--bind', each, each]),
    ...[...emptied, '/dev', '/'].flatMap((each) => ['--remount-ro', each]),
    ...['--chdir', path.join(driver.path, 'work')],
  ];
}

/** Where these folders would be seen by a mount of one above them. */
function secretsIn(mount: Mount, secrets: readonly string[]): string[] {
  if (mount.kind === 'link') return [];
  return secrets
    .filter((each) => isBelow(each, [mount.from]))
    .map((each) => path.join(mount.path, path.relative(mount.from, each)));
}

function showsPartOf(mount: Mount, folder: string): boolean {
  return mount.kind === 'read-only' && isBelow(mount.from, [folder]);
}

function split<Each>(all: readonly Each[], isFirst: (each: Each) => boolean): [Each[], Each[]] {
  return [all.filter(isFirst), all.filter((each) => !isFirst(each))];
}

/** The outer ones first, and none twice: neither what a folder before it shows already, in place. */
function withoutRepetitions(mounts: readonly Mount[]): Mount[] {
  const kept: Mount[] = [];
  for (const mount of mounts.toSorted((left, right) => left.path.length - right.path.length)) {
    const inPlace = kept
      .filter((each) => each.kind === 'read-only' && each.path === each.from)
      .map((each) => each.path);
    const there = isBelow(mount.path, inPlace) && (mount.kind === 'link' || realPath(mount.path) !== undefined);
    if (!there && !kept.some((each) => each.path === mount.path)) kept.push(mount);
  }
  return kept;
}

function argumentsOf(mount: Mount): string[] {
  return mount.kind === 'link' ? ['--symlink', mount.to, mount.path] : ['--ro-bind', mount.from, mount.path];
}

function execute(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(program, args, { timeout: PROBE_MILLIS, env: { PATH: process.env.PATH } });
}

function lastWords(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return (stderr.trim().split('\n').at(-1) || message).replace(/[.\s]+$/, '');
}
