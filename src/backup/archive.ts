/** The archive of a backup: a tar file with a manifest of sizes and SHA-256 sums. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, lstat, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const execute = promisify(execFile);

const MANIFEST = 'manifest.json';
/** Below it lies what a home holds. */
export const HOME = 'home';
const LIST = 'list';

const manifest = z.object({
  format: z.literal(1),
  createdAt: z.iso.datetime(),
  /** What is not in here, and has to be backed up by its own tools: `state`, `catalog`, `objects`. */
  elsewhere: z.array(z.string()),
  /** By path below `home/`. */
  files: z.record(z.string(), z.object({ size: z.number(), sha256: z.string() })),
});
export type Manifest = z.output<typeof manifest>;

/** What an archive is wrong with; `message` says it for people. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/**
 * Writes the archive of a folder, whole or not at all.
 * @param folder holds `home/`; what lies there may be links to folders
 * @param paths of the files below `home/`
 */
export async function writeArchive(
  target: string,
  folder: string,
  paths: readonly string[],
  about: Pick<Manifest, 'createdAt' | 'elsewhere'>,
): Promise<Manifest> {
  const files: Manifest['files'] = {};
  for (const path of paths) files[path] = await sumOf(join(folder, HOME, path));
  const written: Manifest = { format: 1, ...about, files };
  await writeFile(join(folder, MANIFEST), JSON.stringify(written, undefined, 1));
  const names = [MANIFEST, ...paths.map((path) => `${HOME}/${path}`)];
  await writeFile(join(folder, LIST), names.map((name) => `${name}\0`).join(''));
  // The ending says whether it is compressed, and how.
  const compress = /\.(t?gz|t?xz|zst)$/.test(target) ? ['--auto-compress'] : [];
  const file = target.replace(/(\.[^./]+)?$/, '.partial$1');
  try {
    await tar([
      '--create',
      ...compress,
      '--file',
      file,
      '--directory',
      folder,
      '--null',
      '--files-from',
      join(folder, LIST),
    ]);
    await chmod(file, 0o600);
    await rename(file, target);
  } finally {
    await rm(file, { force: true });
  }
  return written;
}

/**
 * Unpacks an archive into an empty folder, and checks that all of it is there, unchanged, and nothing else.
 * @throws ArchiveError
 */
export async function readArchive(archive: string, folder: string): Promise<Manifest> {
  if (!existsSync(archive)) throw new ArchiveError(`${archive} does not exist.`);
  try {
    await tar(['--extract', '--file', archive, '--directory', folder, '--no-same-owner']);
  } catch (error) {
    throw new ArchiveError(`${archive} is damaged, or no archive: ${lastLine(error)}`);
  }
  const found = await readManifest(archive, join(folder, MANIFEST));
  const damaged = (what: string) => new ArchiveError(`${archive} is damaged: ${what}. Nothing was restored.`);
  const unpacked = new Set(await filesBelow(join(folder, HOME)));
  for (const [path, { size, sha256 }] of Object.entries(found.files)) {
    if (!unpacked.delete(path)) throw damaged(`${path} is missing`);
    const sum = await sumOf(join(folder, HOME, path));
    if (sum.size !== size || sum.sha256 !== sha256) throw damaged(`${path} is not what was backed up`);
  }
  const [more] = unpacked;
  if (more !== undefined) throw damaged(`${more} does not belong to it`);
  return found;
}

async function readManifest(archive: string, file: string): Promise<Manifest> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw new ArchiveError(`${archive} is no backup of Parthenon's: it has no ${MANIFEST}.`);
  try {
    return manifest.parse(JSON.parse(text));
  } catch {
    throw new ArchiveError(`${archive} is damaged, or of a later version: its ${MANIFEST} cannot be read.`);
  }
}

/** Regular files, by path below the folder; anything else but folders is told as well, and so belongs to no manifest. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

async function sumOf(path: string): Promise<{ size: number; sha256: string }> {
  const status = await lstat(path);
  if (!status.isFile()) return { size: -1, sha256: '' };
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return { size: status.size, sha256: hash.digest('hex') };
}

async function tar(args: readonly string[]): Promise<void> {
  try {
    await execute('tar', args);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new ArchiveError('The command tar is needed, and is not there.');
    throw error;
  }
}

function lastLine(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n', 1)[0] || message;
}
