import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** pip by any of its names installs for this session: it stands before the shared environment's on PATH. */
const PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n';

/** Where scripts/setup leaves Matplotlib's list of fonts in an environment. */
const FONT_LISTS = 'matplotlib';

/** What of the server's own settings says where packages come from. */
const PIP_SOURCES = [
  'PIP_INDEX_URL',
  'PIP_EXTRA_INDEX_URL',
  'PIP_FIND_LINKS',
  'PIP_NO_INDEX',
  'PIP_CERT',
  'PIP_TRUSTED_HOST',
];

/** The folder of a driver's own virtual environment. */
export function sessionEnvironment(driverFolder: string): string {
  return path.join(driverFolder, 'python');
}

/**
 * Makes a driver's own virtual environment, on top of the one that all drivers share: what is installed there is found, what the
 * session installs lies here, is found first, and goes with the folder. pip takes nothing away outside of the environment
 * that it runs in. Some links and files: a few milliseconds.
 * @param driverFolder of which `home` is there already
 * @param sharedPython the interpreter of the shared environment
 */
export async function createSessionPython(driverFolder: string, sharedPython: string): Promise<void> {
  const own = sessionEnvironment(driverFolder);
  const shared = path.dirname(path.dirname(sharedPython));
  const version = await versionOf(shared);
  const packages = path.join('lib', version, 'site-packages');
  await mkdir(path.join(own, packages), { recursive: true, mode: 0o700 });
  await mkdir(path.join(own, 'bin'), { mode: 0o700 });
  await writeFile(path.join(own, 'pyvenv.cfg'), await readFile(path.join(shared, 'pyvenv.cfg')));
  for (const name of ['python', 'python3', version]) await symlink(sharedPython, path.join(own, 'bin', name));
  for (const name of ['pip', 'pip3', version.replace('python', 'pip')])
    await writeFile(path.join(own, 'bin', name), PIP, { mode: 0o700 });
  // As a site folder, not a path alone: packages may bring `.pth` files of their own.
  const sharedPackages = JSON.stringify(path.join(shared, packages));
  await writeFile(path.join(own, packages, 'shared.pth'), `import site; site.addsitedir(${sharedPackages})\n`);
  await copyFontLists(shared, path.join(driverFolder, 'home'));
}

/** @returns e.g. `python3.11` */
async function versionOf(environment: string): Promise<string> {
  const names = await readdir(path.join(environment, 'lib'));
  const version = names.find((name) => /^python3\.\d+$/.test(name));
  if (version === undefined) throw new Error(`${environment} is no Python environment`);
  return version;
}

/** Copies, since Matplotlib writes the list anew when a font has gone. Without any it looks all fonts over, which takes seconds. */
async function copyFontLists(environment: string, home: string): Promise<void> {
  const from = path.join(environment, FONT_LISTS);
  const names = await readdir(from).catch(() => []);
  const lists = names.filter((name) => name.startsWith('fontlist'));
  if (lists.length === 0) return;
  const to = path.join(home, '.cache', 'matplotlib');
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of lists) await copyFile(path.join(from, name), path.join(to, name));
}

/**
 * The variables by which a session's pip finds packages where the server's own would.
 * @param environment the server's; an address with a user or password in it is kept from sessions
 */
export function pipSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const sources = PIP_SOURCES.flatMap((name) => {
    const value = environment[name];
    return value === undefined || /\/\/[^/\s]*@/.test(value) ? [] : [[name, value]];
  });
  // Nobody can be asked, and nobody can follow the advice to upgrade pip.
  return { ...Object.fromEntries(sources), PIP_YES: '1', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' };
}

/**
 * Files and folders of this machine that these variables name, which a session's pip must be able to read.
 * @param settings as of {@link pipSettings}
 */
export function pipPaths(settings: NodeJS.ProcessEnv): string[] {
  const named = PIP_SOURCES.flatMap((name) => settings[name]?.split(/\s+/) ?? []);
  return named.map((each) => each.replace(/^file:\/\/(?=\/)/, '')).filter((each) => path.isAbsolute(each));
}
