import { readdirSync, readFileSync } from 'node:fs';

export interface LiveProcess {
  readonly pid: number;
  /** Arguments with NUL between them. */
  readonly command: string;
  readonly environment: string;
}

/** Live processes that carry a server's home in their environment: its metastore, its drivers and what they started. */
export function processesOf(home: string): LiveProcess[] {
  const read = (pid: string, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const environment = read(name, 'environ');
        return environment.includes(home) ? [{ pid: Number(name), command: read(name, 'cmdline'), environment }] : [];
      } catch {
        return []; // ended meanwhile
      }
    });
}

export function metastoresOf(home: string): LiveProcess[] {
  return processesOf(home).filter(({ command }) => command.includes('Metastore.java'));
}
