import { readFileSync } from 'node:fs';
import type { TestServer } from '../test/support/server.ts';

/** Megabytes of the server's process: resident now, or at its highest. `/proc/<pid>/status` */
export function memoryOfServer(server: TestServer, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
}
