/** What `parthenon backup` and `restore` do. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { EmbeddedStore } from '../objects/embedded/embedded-store.ts';
import { findServerProcess } from '../stop/server-process.ts';
import { copyStore, isPostgresUrl, openStore } from '../store/store.ts';
import { copyDerby, makeBackup } from './backup.ts';
import { requestBackup } from './requests.ts';
import { restoreBackup } from './restore.ts';
import { databaseUrl, hasDerby, hasObjects } from './sources.ts';

export async function backUpHome(config: Config, file: string): Promise<void> {
  const target = resolve(file);
  const server = findServerProcess(config.home);
  if (server === undefined) await backUpStopped(config, target);
  else await requestBackup(config.home, server, target);
  console.log(`Backed up to ${target}. Whoever has it has all keys: keep it as you keep those.`);
}

export async function restoreHome({ home }: Config, file: string): Promise<void> {
  const { elsewhere, files, createdAt } = await restoreBackup(resolve(file), home);
  console.log(`Restored ${Object.keys(files).length} files, as they were at ${createdAt}, to ${home}.`);
  if (elsewhere.length > 0) {
    console.log(`Not in the backup, and to be restored by their own tools: ${elsewhere.join(', ')}.`);
  }
}

/** What a stopped server left, opened as that server would: one that starts meanwhile says that it is in use. */
async function backUpStopped(config: Config, target: string): Promise<void> {
  const { home } = config;
  if (!existsSync(join(home, 'master.key'))) throw new Error(`There is no home of Parthenon's at ${home}.`);
  const url = databaseUrl(config);
  await using opened = new AsyncDisposableStack();
  const database = isPostgresUrl(url) ? undefined : await openStore(url);
  opened.defer(() => database?.destroy());
  const objects = hasObjects(config) ? await EmbeddedStore.open(join(home, 'objects')) : undefined;
  opened.defer(() => objects?.close());
  await makeBackup(
    {
      home,
      state: database && ((file) => copyStore(database, file)),
      catalog: hasDerby(config) ? (folder) => copyDerby(home, folder) : undefined,
      objects: objects && ((index) => objects.copyIndex(index)),
    },
    target,
  );
}
