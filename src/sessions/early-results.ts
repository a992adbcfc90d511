/** Large output goes to S3 while the code that writes it runs, so that a calculation's end waits for the rest of it alone. */
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ObjectStore, PutObjectOptions, S3Location } from '../objects/object-store.ts';
import { openRegularFile } from '../regular-files.ts';
import { type ResultFile, resultFiles } from './locations.ts';

/** What is smaller is sent in a moment when the code has ended. */
const LARGE_BYTES = 16 * 1024 * 1024;
const LOOK_MILLIS = 1000;
const READ_BYTES = 512 * 1024;

/** Where one file goes. */
export interface ResultPlace {
  readonly location: S3Location;
  readonly options: PutObjectOptions;
}

/** What was sent is not what the file holds: it is sent again as a whole. */
class FileChanged extends Error {}

/** The uploads of one calculation that runs. Whatever goes wrong with them is left to the upload after the end. */
export class EarlyResults {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #placeOf: (file: ResultFile) => ResultPlace;
  readonly #logger: Logger;
  readonly #uploads = new Map<ResultFile, Upload>();
  readonly #looking: NodeJS.Timeout;
  #look: Promise<void> = Promise.resolve();

  /** @param folder the calculation's spool while it is open, in the folder of spools in the driver's */
  constructor(store: ObjectStore, folder: string, placeOf: (file: ResultFile) => ResultPlace, logger: Logger) {
    this.#store = store;
    this.#folder = folder;
    this.#placeOf = placeOf;
    this.#logger = logger;
    this.#looking = setInterval(() => {
      this.#look = this.#look.then(() => this.#beginLarge());
    }, LOOK_MILLIS);
  }

  /**
   * Sends the rest; nothing is begun any more.
   * @param folder the spool, closed
   * @returns the files that are in S3
   */
  async finish(folder: string): Promise<ReadonlySet<ResultFile>> {
    clearInterval(this.#looking);
    await this.#look;
    const sent = new Set<ResultFile>();
    for (const [file, upload] of this.#uploads) {
      if (await upload.finish(join(folder, resultFiles[file].name), withinOf(folder))) sent.add(file);
    }
    return sent;
  }

  /** Gives up what is under way; nothing of it is seen in S3. Harmless after `finish`. */
  async abandon(): Promise<void> {
    clearInterval(this.#looking);
    await this.#look;
    for (const upload of this.#uploads.values()) await upload.abandon();
  }

  async #beginLarge(): Promise<void> {
    for (const file of Object.keys(resultFiles) as ResultFile[]) {
      if (!this.#uploads.has(file)) await this.#beginIfLarge(file).catch(() => undefined); // not there yet, or no more
    }
  }

  async #beginIfLarge(file: ResultFile): Promise<void> {
    const handle = await openRegularFile(join(this.#folder, resultFiles[file].name), withinOf(this.#folder));
    if ((await handle.stat()).size < LARGE_BYTES) {
      await handle.close();
      return;
    }
    const { location, options } = this.#placeOf(file);
    this.#uploads.set(
      file,
      new Upload(handle, (bytes) => this.#store.putStream(location, bytes, options), this.#logger),
    );
  }
}

/** One file, followed as it grows. */
class Upload {
  readonly #file: FileHandle;
  readonly #done: Promise<boolean>;
  /** The length of all that is to be sent, once it is known. */
  readonly #length = Promise.withResolvers<number>();

  constructor(file: FileHandle, put: (bytes: AsyncIterable<Uint8Array>) => Promise<void>, logger: Logger) {
    this.#file = file;
    this.#length.promise.catch(() => undefined);
    this.#done = put(this.#bytes()).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof FileChanged))
          logger.warn({ err: error }, 'Output is sent when its calculation has ended');
        return false;
      },
    );
  }

  /** @returns whether all of the file is in S3 */
  async finish(path: string, within: string): Promise<boolean> {
    try {
      await using closed = await openRegularFile(path, within);
      const [there, followed] = [await closed.stat(), await this.#file.stat()];
      if (there.ino !== followed.ino || there.dev !== followed.dev) throw new FileChanged();
      this.#length.resolve(there.size);
    } catch (error) {
      this.#length.reject(error);
    }
    const sent = await this.#done;
    await this.#file.close();
    return sent;
  }

  async abandon(): Promise<void> {
    this.#length.reject(new FileChanged());
    await this.#done;
    await this.#file.close();
  }

  async *#bytes(): AsyncGenerator<Uint8Array> {
    let length: number | undefined;
    for (let position = 0; position !== length; ) {
      const { bytesRead, buffer } = await this.#file.read({
        buffer: Buffer.allocUnsafe(Math.min(READ_BYTES, (length ?? Number.POSITIVE_INFINITY) - position)),
        position,
      });
      if (bytesRead > 0) {
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      } else {
        // Nothing more yet; or the code has cut it off, and what was sent was never all of it.
        if (length !== undefined || (await this.#file.stat()).size < position) throw new FileChanged();
        length = await Promise.race([this.#length.promise, sleep(LOOK_MILLIS, undefined)]);
        if (length !== undefined && length < position) throw new FileChanged();
      }
    }
  }
}

/** The driver's folder: the code may still be there, and put links in place of folders. */
function withinOf(spoolFolder: string): string {
  return dirname(dirname(spoolFolder));
}
