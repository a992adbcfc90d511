import { defineConfig } from 'vitest/config';

/** What starts Spark, servers or AWS clients: one file at a time, since two JVMs fill a small machine. */
const SERIAL = ['drivers', 'catalog', 'spark', 'clients', 'sessions', 'operations', 'endpoints'].map(
  (room) => `test/${room}/**/*.test.ts`,
);
SERIAL.push(
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
          exclude: SERIAL,
          maxWorkers: '100%',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'serial',
          include: SERIAL,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
