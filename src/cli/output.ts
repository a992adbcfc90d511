/** What goes to standard output: text as fast as somebody takes it, tables, JSON. */
import { styleText } from 'node:util';

/** Somebody has closed the pipe, `head` say: no fault, and nothing to be said. */
export class PipeClosed extends Error {
  override readonly name = 'PipeClosed';
}

/** As a shell tells it of a program that SIGPIPE has ended. */
export const PIPE_CLOSED_EXIT = 141;

/** Writes, and waits until it has been taken. @throws PipeClosed */
export async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error) => {
      if (error == null) resolve();
      else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new PipeClosed() : error);
    });
  });
}

export async function printLine(text: string): Promise<void> {
  await write(process.stdout, `${text}\n`);
}

/** To standard error, for people: what is no output. */
export async function tell(text: string): Promise<void> {
  await write(process.stderr, `${text}\n`);
}

/** As the API answers, but for what the SDK adds. */
export async function printJson(reply: object): Promise<void> {
  const { $metadata: _, ...rest } = reply as { $metadata?: unknown };
  await printLine(JSON.stringify(rest, undefined, 2));
}

/** @param rows of as many cells as there are headings */
export async function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  // No colours where nobody sees them, or wants them: NO_COLOR.
  const head = styleText('bold', line(headings), { stream: process.stdout });
  await printLine([head, ...rows.map(line)].join('\n'));
}

/** Names and values, one a line; what has no value is left out. */
export async function printFields(fields: readonly (readonly [string, unknown])[]): Promise<void> {
  const told = fields.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...told.map(([name]) => name.length));
  await printLine(told.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${shown(value)}`).join('\n'));
}

/** `2026-11-23 01:02:03`, here. */
export function time(date: Date | undefined): string {
  if (date === undefined) return '';
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

function shown(value: unknown): string {
  if (value instanceof Date) return time(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
