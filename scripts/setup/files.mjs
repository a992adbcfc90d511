import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * SHA-256 over several texts or file contents, in hexadecimal.
 * @param {...(string | Buffer)} parts
 */
export function fingerprint(...parts) {
  const hash = createHash('sha256');
  for (const part of parts)
    hash
      .update(String(Buffer.byteLength(part)))
      .update(':')
      .update(part);
  return hash.digest('hex');
}

/**
 * SHA-256 of a file of any size, in hexadecimal.
 * @param {string} file
 * @returns {Promise<string>}
 */
export function hashFile(file) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(file, { highWaterMark: 1 << 20 })
      .on('data', (chunk) => hash.update(chunk))
      .on('error', reject)
      .on('end', () => resolve(hash.digest('hex')));
  });
}

/**
 * What changes whenever a file's content does, without reading it: its size and change time, which unlike the
 * modification time cannot be set back. `undefined` when there is no such file.
 * @param {string} file
 */
export function fileMark(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && `${stat.size}@${stat.ctimeMs}`;
}

/**
 * The content of a JSON file; `undefined` when it is missing or cut short, as after an interrupt.
 * @param {string} file
 * @returns {any}
 */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Writes a JSON file so that it is there in whole or not at all.
 * @param {string} file
 * @param {unknown} value
 */
export function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(temporary, file);
}

/**
 * All files named `program` in the folders of PATH, in their order; of several links to one file only the first.
 * @param {string} program
 * @param {string} [path]
 */
export function onPath(program, path = process.env.PATH ?? '') {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = join(folder, program);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    const real = realpathSync(file);
    if (!found.has(real)) found.set(real, file);
  }
  return [...found.values()];
}
