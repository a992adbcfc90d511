/** Opening files that lie where a session's code can write: whatever may lie there in a file's place is refused. */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath, rmdir, unlink } from 'node:fs/promises';
import { sep } from 'node:path';

/** Folders in folders that are removed at most: each is a descriptor. */
const DEEPEST = 64;

/**
 * Opens a regular file for reading. A symbolic link is not followed, for it could lead to the server's own secrets, and
 * a pipe that nobody writes to is not waited for.
 * @param within a folder that what was opened must lie in, wherever links on the way have led; unless told, what the folders
 *   above are is for the caller to know
 * @throws ENOENT, ELOOP (a link), NotARegularFile
 */
export async function openRegularFile(path: string, within?: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new NotARegularFile(`${path} is not a regular file`);
    if (within !== undefined && !(await liesIn(handle, within)))
      throw new NotARegularFile(`${path} leads out of its folder`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Asked of the kernel, and of what is open: a look at the path before or after could be at something else. */
async function liesIn(handle: FileHandle, folder: string): Promise<boolean> {
  return (await readlink(`/proc/self/fd/${handle.fd}`)).startsWith((await realpath(folder)) + sep);
}

/**
 * Opens a folder, whose contents {@link inFolder} then names whatever is put in its place. A symbolic link is not followed.
 * @throws ENOENT, ENOTDIR (a link, too)
 */
export async function openFolder(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/** The path of something in a folder that is open. */
export function inFolder(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`;
}

/**
 * Removes a file, or a folder with all in it, while code may be changing it: no link that comes in a folder's place is followed.
 * Harmless when there is none.
 * @throws system errors, RangeError for folders in folders without end
 */
export async function removeIn(folder: FileHandle, name: string, depth = DEEPEST): Promise<void> {
  const path = inFolder(folder, name);
  try {
    await unlink(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    if (code !== 'EISDIR') throw error;
    if (depth === 0) throw new RangeError(`${name} lies too deep`);
    {
      await using inner = await openFolder(path);
      for (const each of await readdir(inFolder(inner, '.'))) await removeIn(inner, each, depth - 1);
    }
    await rmdir(path);
  }
}

/**
 * The text of a file of a few bytes.
 * @param maxBytes a file that is longer is refused
 * @throws as `openRegularFile`, RangeError
 */
export async function readSmallFile(path: string, maxBytes: number, within?: string): Promise<string> {
  await using file = await openRegularFile(path, within);
  const buffer = Buffer.alloc(maxBytes + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  if (bytesRead > maxBytes) throw new RangeError(`${path} is longer than ${maxBytes} bytes`);
  return buffer.toString('utf8', 0, bytesRead);
}

export class NotARegularFile extends Error {
  override readonly name = 'NotARegularFile';
}
