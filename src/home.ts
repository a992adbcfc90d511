import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes PARTHENON_HOME, for its owner's eyes only, with the folders above it. One by one: Node's recursive mkdir tries for ever
 * where a file system takes no folders at all.
 * @throws Error with the setting's name
 */
export function makeHome(home: string): void {
  try {
    makeFolder(home);
  } catch (error) {
    throw new Error(`PARTHENON_HOME ${home} cannot be made: ${(error as Error).message}`);
  }
}

function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}
