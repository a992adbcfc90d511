import { statSync } from 'node:fs';
import { readAccessFile } from './access-file.ts';
import { createDirectory, type Directory, EMPTY_DIRECTORY } from './directory.ts';

export interface LiveDirectoryOptions {
  readonly file: string;
  readonly accountId: string;
  readonly masterKey: Buffer;
  /** Told when the file has become unusable, and the last good state goes on. */
  readonly onProblem: (error: Error) => void;
}

/**
 * Users and roles as the access file has them now. Every look asks the file system whether the file is still the same (some 3 µs),
 * so that a change holds from the next request on, on every system and for every server that shares the file.
 */
export class LiveDirectory {
  readonly #options: LiveDirectoryOptions;
  #seen: string;
  #directory: Directory = EMPTY_DIRECTORY;

  /** @throws Error when the file cannot be used: at a start there is no last good state */
  constructor(options: LiveDirectoryOptions) {
    this.#options = options;
    this.#seen = versionOf(options.file);
    this.#directory = this.#read();
  }

  /** Looks also while nobody calls, so that a file that breaks is told soon, and the state before it is the last good one. */
  watch(everyMillis: number): () => void {
    const timer = setInterval(() => this.current(), everyMillis);
    timer.unref();
    return () => clearInterval(timer);
  }

  current(): Directory {
    const version = versionOf(this.#options.file);
    if (version !== this.#seen) {
      this.#seen = version;
      try {
        this.#directory = this.#read();
      } catch (error) {
        this.#options.onProblem(error as Error);
      }
    }
    return this.#directory;
  }

  #read(): Directory {
    const { file, accountId, masterKey } = this.#options;
    return createDirectory(readAccessFile(file), accountId, masterKey);
  }
}

/** Changes with the file: a new one in its place is another inode. */
function versionOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino}.${stat.size}.${stat.mtimeNs}`;
}
