import { defineConfig } from 'vitest/config';

/** What starts Spark, servers or AWS clients: two files at a time. Much of their time is waiting, and more JVMs would fill a small machine. */
const HEAVY = [
  'drivers',
  'catalog',
  'spark',
  'clients',
  'sessions',
  'operations',
  'endpoints',
  'telemetry',
  'faults',
  'stop',
  'backup',
  'cli',
].map((room) => `test/${room}/**/*.test.ts`);
HEAVY.push(
  'test/main*.test.ts',
  'test/main/**/*.test.ts',
  'test/wire/s3/s3a.test.ts',
  'test/access/server/**/*.test.ts',
);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'parallel',
          include: ['test/**/*.test.ts'],
          exclude: HEAVY,
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'heavy',
          include: HEAVY,
          maxWorkers: 2,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
