import type { Command } from 'commander';
import type { Config } from '../config.ts';

interface HomeOption {
  readonly home?: string;
}

/** The work itself is loaded when it is asked for: with it come stores and databases, which no other command needs. */
const work = () => import('./work.ts');

/** @param load settings, with this home where one is given */
export function addBackupCommands(program: Command, load: (home: string | undefined) => Config): void {
  program
    .command('backup <file>')
    .description('write state, catalog, embedded S3, keys and users into one archive, also while the server runs')
    .option('--home <folder>', 'folder that holds all state')
    .action(async (file: string, options: HomeOption) => (await work()).backUpHome(load(options.home), file));
  program
    .command('restore <file>')
    .description('make a home from a backup; it must be empty, or not there yet')
    .option('--home <folder>', 'folder that holds all state')
    .action(async (file: string, options: HomeOption) => (await work()).restoreHome(load(options.home), file));
}
