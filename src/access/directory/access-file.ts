import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeHome } from '../../home.ts';
import { writePrivately } from '../private-files.ts';
import { type AccessDocument, AccessDocumentError, EMPTY_DOCUMENT, parseAccessDocument } from './document.ts';

/** A change takes milliseconds: a lock this old was left by a process that died. */
const STALE_LOCK_MILLIS = 10_000;
const LOCK_ATTEMPTS = 200;

/** Where users and roles are kept. */
export function accessFile(home: string): string {
  return join(home, 'access.json');
}

/** @throws AccessDocumentError with the file's name and the place in it */
export function readAccessFile(path: string): AccessDocument {
  if (!existsSync(path)) return EMPTY_DOCUMENT;
  try {
    return parseAccessDocument(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new AccessDocumentError(`${path} cannot be used: ${(error as Error).message}`);
  }
}

/**
 * Changes the access file as a whole: what `change` leaves in the document is checked and put in place at once. Two changes at
 * the same time follow each other.
 *
 * @returns what `change` returns
 * @throws AccessDocumentError, and whatever `change` throws; the file is then as it was
 */
export async function changeAccessFile<T>(home: string, change: (document: AccessDocument) => T): Promise<T> {
  makeHome(home);
  const path = accessFile(home);
  const lock = await takeLock(`${path}.lock`);
  try {
    const document = structuredClone(readAccessFile(path));
    const result = change(document);
    const text = `${JSON.stringify(document, undefined, 2)}\n`;
    parseAccessDocument(text);
    writePrivately(path, text);
    return result;
  } finally {
    rmSync(lock, { force: true });
  }
}

async function takeLock(path: string): Promise<string> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    try {
      closeSync(openSync(path, 'wx', 0o600));
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_LOCK_MILLIS) {
      rmSync(path, { force: true });
    }
    await sleep(25);
  }
  throw new AccessDocumentError(`Another change of users and roles is under way. If none is, remove ${path}.`);
}
