import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { EmbeddedStore } from '../objects/embedded/embedded-store.ts';
import { findServerProcess } from '../stop/server-process.ts';
import { copyStore, isPostgresUrl, openStore } from '../store/store.ts';
import { copyDerby, makeBackup } from './backup.ts';
import { requestBackup } from './requests.ts';
import { restoreBackup } from './restore.ts';
import { databaseUrl, hasDerby, hasObjects } from './sources.ts';

interface HomeOption {
  readonly home?: string;
}

/** @param load settings, with this home where one is given */
export function addBackupCommands(program: Command, load: (home: string | undefined) => Config): void {
  program
    .command('backup <file>')
    .description('write state, catalog, embedded S3, keys and users into one archive, also while the server runs')
    .option('--home <folder>', 'folder that holds all state')
    .action(async (file: string, options: HomeOption) => {
      const config = load(options.home);
      const target = resolve(file);
      const server = findServerProcess(config.home);
      if (server === undefined) await backUpStopped(config, target);
      else await requestBackup(config.home, server, target);
      console.log(`Backed up to ${target}. Whoever has it has all keys: keep it as you keep those.`);
    });
  program
    .command('restore <file>')
    .description('make a home from a backup; it must be empty, or not there yet')
    .option('--home <folder>', 'folder that holds all state')
    .action(async (file: string, options: HomeOption) => {
      const { home } = load(options.home);
      const { elsewhere, files, createdAt } = await restoreBackup(resolve(file), home);
      console.log(`Restored ${Object.keys(files).length} files, as they were at ${createdAt}, to ${home}.`);
      if (elsewhere.length > 0) {
        console.log(`Not in the backup, and to be restored by their own tools: ${elsewhere.join(', ')}.`);
      }
    });
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
