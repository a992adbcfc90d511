import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Puts a file in place whole, for its owner's eyes only: a reader sees the old one or the new one, also after a crash. */
export function writePrivately(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
