/** Opening files that lie where a session's code can write: whatever may lie there in a file's place is refused. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens a regular file for reading. A symbolic link is not followed, for it could lead to the server's own secrets, and
 * a pipe that nobody writes to is not waited for. What the folders above are is for the caller to know.
 * @throws ENOENT, ELOOP (a link), NotARegularFile
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new NotARegularFile(`${path} is not a regular file`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The text of a file of a few bytes.
 * @param maxBytes a file that is longer is refused
 * @throws as `openRegularFile`, RangeError
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<string> {
  await using file = await openRegularFile(path);
  const buffer = Buffer.alloc(maxBytes + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  if (bytesRead > maxBytes) throw new RangeError(`${path} is longer than ${maxBytes} bytes`);
  return buffer.toString('utf8', 0, bytesRead);
}

export class NotARegularFile extends Error {
  override readonly name = 'NotARegularFile';
}
