import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeHome } from '../home.ts';
import { ArchiveError, HOME, type Manifest, readArchive } from './archive.ts';

/**
 * Makes a home from a backup. Nothing of it is there before all of the archive has been found unchanged.
 * @throws ArchiveError for a home that holds something, and for an archive that is damaged
 */
export async function restoreBackup(archive: string, home: string): Promise<Manifest> {
  if (existsSync(home) && readdirSync(home).length > 0) {
    throw new ArchiveError(`${home} is not empty. Restore into a folder that is, or that does not exist yet.`);
  }
  makeHome(home);
  const work = await mkdtemp(join(home, 'restore-'));
  try {
    const manifest = await readArchive(archive, work);
    await mkdir(join(work, HOME), { recursive: true });
    for (const name of await readdir(join(work, HOME))) await rename(join(work, HOME, name), join(home, name));
    return manifest;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
