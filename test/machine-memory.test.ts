import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { availableMemoryMebibytes, memoryForSessions, memoryLimitMebibytes } from '../src/machine-memory.ts';

/** A system's files, as a kernel shows them. */
function systemOf(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'parthenon-memory-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { proc: join(folder, 'proc'), cgroup: join(folder, 'cgroup') };
}

const MEBIBYTE = 1024 ** 2;
const meminfo = 'MemTotal:       8388608 kB\nMemFree:         102400 kB\nMemAvailable:   4194304 kB\n';

test('this machine has memory, and not all of it is taken', () => {
  expect(memoryLimitMebibytes()).toBeLessThanOrEqual(totalmem() / MEBIBYTE);
  expect(availableMemoryMebibytes()).toBeGreaterThan(0);
  expect(availableMemoryMebibytes()).toBeLessThan(totalmem() / MEBIBYTE);
});

test('what is available is what the kernel says, files that it has cached included', () => {
  expect(availableMemoryMebibytes(systemOf({ 'proc/meminfo': meminfo }))).toBe(4096);
});

test('a control group leaves less, its own or one above it', () => {
  const files = {
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/user.slice/parthenon.service\n',
    'cgroup/user.slice/parthenon.service/memory.max': 'max\n',
    'cgroup/user.slice/parthenon.service/memory.current': `${900 * MEBIBYTE}\n`,
    'cgroup/user.slice/memory.max': `${2048 * MEBIBYTE}\n`,
    'cgroup/user.slice/memory.current': `${1900 * MEBIBYTE}\n`,
    'cgroup/user.slice/memory.stat': `anon ${800 * MEBIBYTE}\nactive_file ${100 * MEBIBYTE}\ninactive_file ${52 * MEBIBYTE}\n`,
  };
  expect(availableMemoryMebibytes(systemOf(files))).toBe(300);
});

test('the first version of control groups counts too, also where only a container is seen', () => {
  const files = {
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '12:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n',
    'cgroup/memory/memory.limit_in_bytes': `${1024 * MEBIBYTE}\n`,
    'cgroup/memory/memory.usage_in_bytes': `${1000 * MEBIBYTE}\n`,
    'cgroup/memory/memory.stat': `total_inactive_file ${76 * MEBIBYTE}\ntotal_active_file 0\n`,
  };
  expect(availableMemoryMebibytes(systemOf(files))).toBe(100);
});

test.each([
  [2, 0],
  [4, 1],
  [8, 3],
  [16, 8],
  [24, 13],
])('beside a pool of one driver, %d GiB hold %d sessions with the default heap', (gibibytes, sessions) => {
  expect(Math.floor((memoryForSessions(gibibytes * 1024) - 600) / 1536)).toBe(sessions);
});
