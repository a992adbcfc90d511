import { existsSync, lstatSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ArchiveError, filesBelow, HOME, type Manifest, writeArchive } from './archive.ts';

/** Of a home as they are: keys, users and roles, settings. */
const PLAIN_FILES = ['master.key', 'credentials', 'access.json', 'settings.json', 'metrics-token'];

/** What a backup is made of. What is absent is elsewhere: a PostgreSQL database, an S3 of the user's own. */
export interface BackupSources {
  readonly home: string;
  /** Writes a copy of the state database. */
  readonly state: ((file: string) => Promise<void>) | undefined;
  /** Writes a copy of the catalog's database into a folder; leaves nothing where there is none yet. */
  readonly catalog: ((folder: string) => Promise<void>) | undefined;
  /** Writes a copy of the embedded S3's index; the bytes that it names stay until the end of the backup. */
  readonly objects: ((index: string) => Promise<ObjectsCopy>) | undefined;
}

export interface ObjectsCopy extends AsyncDisposable {
  /** The folder of the embedded S3. */
  readonly folder: string;
  /** Files below it that hold the bytes. */
  readonly files: readonly string[];
}

/**
 * Makes one archive of all that a server's home holds, while that server runs. Parts follow each other so that each has what the one before
 * speaks of: results are in S3 before a calculation shows its end, a table's data before the catalog names them.
 *
 * @throws ArchiveError for a target that is there already
 */
export async function makeBackup(sources: BackupSources, file: string): Promise<Manifest> {
  const target = resolve(file);
  if (existsSync(target)) throw new ArchiveError(`${target} exists already.`);
  if (!existsSync(dirname(target))) throw new ArchiveError(`The folder ${dirname(target)} does not exist.`);
  const createdAt = new Date().toISOString();
  const work = await mkdtemp(`${target}.work-`);
  try {
    const home = join(work, HOME);
    await mkdir(home);
    for (const name of PLAIN_FILES) {
      const from = join(sources.home, name);
      if (lstatSync(from, { throwIfNoEntry: false })?.isFile()) await copyFile(from, join(home, name));
    }
    await sources.state?.(join(home, 'state.db'));
    if (sources.catalog !== undefined) {
      await mkdir(join(home, 'catalog'));
      await sources.catalog(join(home, 'catalog'));
    }
    const elsewhere = (['state', 'catalog', 'objects'] as const).filter((part) => sources[part] === undefined);
    if (sources.objects === undefined)
      return await writeArchive(target, work, await filesBelow(home), { createdAt, elsewhere });
    await mkdir(join(home, 'objects'));
    await using objects = await sources.objects(join(home, 'objects', 'index.sqlite'));
    const paths = [...(await filesBelow(home)), ...objects.files.map((path) => `objects/${path}`)];
    // Read where they lie: nothing is copied twice.
    await symlink(join(objects.folder, 'bytes'), join(home, 'objects', 'bytes'));
    return await writeArchive(target, work, paths, { createdAt, elsewhere });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Copies the catalog's database that no metastore uses. */
export async function copyDerby(home: string, into: string): Promise<void> {
  const derby = join(home, 'catalog', 'derby');
  if (existsSync(derby)) await cp(derby, join(into, 'derby'), { recursive: true });
}
