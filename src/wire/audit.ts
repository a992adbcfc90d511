import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import type { Logger } from 'pino';
import { plainJsonLine } from '../json-line.ts';
import { type CallRecord, outcomeOf } from './call-record.ts';

/** Where the lines of calls go. */
export interface Audit {
  write(line: string): void;
  close(): void;
}

/** A caller states their key id before anybody has checked it. */
const MOST_OF_A_KEY_ID = 128;

/**
 * One call as one line of JSON. Nothing in it is a secret: no header, no body, no code, no signature.
 * @param ended when the answer was out, or the connection gone: milliseconds since 1970
 */
export function auditLine(record: CallRecord, begun: number, ended: number, status: number, answered: boolean): string {
  const { requestId, source, service, operation, accessKeyId, principal, resource } = record;
  const line = JSON.stringify({
    time: new Date(begun).toISOString(),
    requestId,
    principal: principal?.arn ?? null,
    accessKeyId: accessKeyId?.slice(0, MOST_OF_A_KEY_ID) ?? null,
    sourceAddress: source.address?.replace(/^::ffff:(?=\d+\.)/, '') ?? null,
    service,
    operation: operation ?? null,
    resource: resource ?? null,
    outcome: outcomeOf(record, answered),
    status,
    milliseconds: Math.round(ended - begun),
    // Only where calls are traced: JSON has no undefined.
    traceId: record.traceId,
  });
  return plainJsonLine(line);
}

/** Lines to standard output. */
export function stdoutAudit(): Audit {
  return { write: (line) => process.stdout.write(`${line}\n`), close: () => undefined };
}

/**
 * Lines to the end of a file. Before it writes it looks whether the file is still the one in its place: one that was moved away
 * is closed and a new one begun, so that rotation needs no signal and loses no line. Lines are written together once an
 * event-loop turn.
 *
 * @throws Error at once when the file cannot be opened; later failures are logged, and lose their lines
 */
export function fileAudit(path: string, logger: Logger): Audit {
  let file: number | undefined = open(path);
  let waiting: string[] = [];
  let failing = false;

  const flush = (): void => {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) return;
    try {
      if (file !== undefined && isMoved(path, file)) {
        closeSync(file);
        file = undefined;
      }
      file ??= open(path);
      writeSync(file, lines.join(''));
      if (failing) logger.info({ path }, 'The audit is written again');
      failing = false;
    } catch (error) {
      // Once for a time of failure: each call would have a line in the log else.
      if (!failing)
        logger.error({ err: error, path, lost: lines.length }, 'The audit cannot be written: lines are lost');
      failing = true;
    }
  };
  return {
    write: (line) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(`${line}\n`);
    },
    close: () => {
      flush();
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

function open(path: string): number {
  return openSync(path, 'a', 0o600);
}

function isMoved(path: string, file: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const { ino, dev } = fstatSync(file);
  return there?.ino !== ino || there.dev !== dev;
}
