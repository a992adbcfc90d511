/** How `parthenon backup` has a running server do the work, whose databases are open to nobody else: by files in its home and a signal. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { signal } from '../drivers/processes.ts';
import { runs, type ServerProcess } from '../stop/server-process.ts';
import { ArchiveError, type Manifest } from './archive.ts';

const SIGNAL = 'SIGUSR2';
const POLL_MILLIS = 50;

const request = z.object({ id: z.uuid(), file: z.string() });
const answer = z.object({ id: z.uuid(), error: z.string().optional() });

/** Has a server make a backup, and waits for it. @throws ArchiveError with what the server says */
export async function requestBackup(home: string, server: ServerProcess, file: string): Promise<void> {
  const id = randomUUID();
  writeWhole(requestFile(home), { id, file });
  signal(server.pid, SIGNAL);
  for (;;) {
    const answered = readJson(answerFile(home), answer);
    if (answered?.id === id) {
      rmSync(answerFile(home), { force: true });
      if (answered.error !== undefined) throw new ArchiveError(answered.error);
      return;
    }
    if (!runs(server)) throw new ArchiveError('The server ended before the backup was made.');
    await sleep(POLL_MILLIS);
  }
}

/** Makes backups when they are asked for, one after the other. @returns what ends that, once the last one is made */
export function answerBackups(
  home: string,
  make: (file: string) => Promise<Manifest>,
  logger: Logger,
): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const work = async () => {
    const asked = readJson(requestFile(home), request);
    if (asked === undefined) return;
    rmSync(requestFile(home), { force: true });
    const { id, file } = asked;
    try {
      const { files } = await make(file);
      logger.info({ file, files: Object.keys(files).length }, 'A backup was made');
      writeWhole(answerFile(home), { id });
    } catch (error) {
      logger.error({ err: error, file }, 'A backup could not be made');
      writeWhole(answerFile(home), { id, error: (error as Error).message });
    }
  };
  const onSignal = () => {
    last = last.then(work).catch((error: unknown) => logger.error({ err: error }, 'A backup could not be answered'));
  };
  process.on(SIGNAL, onSignal);
  // Who asked while the server was starting.
  onSignal();
  return async () => {
    await last;
    process.off(SIGNAL, onSignal);
  };
}

const requestFile = (home: string): string => join(home, 'backup-request.json');
const answerFile = (home: string): string => join(home, 'backup-answer.json');

function writeWhole(path: string, content: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** @returns undefined for a file that is not there, or is none of ours */
function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
