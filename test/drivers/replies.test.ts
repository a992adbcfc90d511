import { describe, expect, test } from 'vitest';
import {
  readAssigned,
  readConnect,
  readExecutors,
  readFailure,
  readJobs,
  readProgress,
  readRefusal,
  readWorking,
} from '../../src/drivers/replies.ts';

const EXECUTOR = { executor_id: '1', type: 'WORKER', state: 'TERMINATED', started_at: 1000, ended_at: 2000 };

describe('executors', () => {
  test('are read', () => {
    expect(readExecutors({ executors: [EXECUTOR, { ...EXECUTOR, ended_at: null }] })).toEqual([
      { executorId: '1', type: 'WORKER', state: 'TERMINATED', startedAt: new Date(1000), endedAt: new Date(2000) },
      { executorId: '1', type: 'WORKER', state: 'TERMINATED', startedAt: new Date(1000), endedAt: undefined },
    ]);
  });

  test.each([
    [undefined],
    [null],
    [{ executors: null }],
    [{ executors: [null] }],
    [{ executors: [{}] }],
    [{ executors: [{ ...EXECUTOR, executor_id: 1 }] }],
    [{ executors: [{ ...EXECUTOR, state: 'ODD' }] }],
    [{ executors: [{ ...EXECUTOR, started_at: 1e300 }] }],
    [{ executors: [{ ...EXECUTOR, ended_at: 'later' }] }],
  ])('%j is no list of them', (reply) => {
    expect(readExecutors(reply)).toBeUndefined();
  });
});

test.each([
  [{ progress: 12.5 }, 12.5],
  [{ progress: null }, undefined],
  [{ progress: Number.POSITIVE_INFINITY }, undefined],
  [{ progress: -1 }, undefined],
  [{ progress: '50' }, undefined],
  [null, undefined],
])('progress: %j', (reply, expected) => {
  expect(readProgress(reply)).toBe(expected);
});

const SECRET = 'x'.repeat(43);

test.each([
  [{ connect: { port: 40_000, secret: SECRET } }, { port: 40_000, secret: SECRET }],
  [{ connect: { port: 0, secret: SECRET } }, undefined],
  [{ connect: { port: '40000', secret: SECRET } }, undefined],
  [{ connect: { port: 40_000, secret: `${SECRET}\r\nx: y` } }, undefined],
  [{ connect: null }, undefined],
  [null, undefined],
])('the address of Spark Connect: %j', (reply, expected) => {
  expect(readConnect(reply)).toEqual(expected);
});

test('a refusal is told in words', () => {
  expect(readRefusal({ status: 'error', reason: 'No room.' })).toBe('No room.');
  for (const reply of [undefined, {}, { status: 'ok', reason: 'x' }, { status: 'error', reason: 1 }])
    expect(readRefusal(reply)).toBeUndefined();
});

test.each([
  [{ working: true }, true],
  [{ working: false }, false],
  [{ working: 'yes' }, false],
  [undefined, false],
])('working: %j', (reply, expected) => {
  expect(readWorking(reply)).toBe(expected);
});

test('a failure is told in words, whatever the reply is', () => {
  expect(readFailure({ status: 'error', ename: 'OSError', evalue: 'full\ud800' })).toEqual({
    status: 'error',
    errorName: 'OSError',
    errorValue: 'full\ufffd',
  });
  for (const reply of [null, { status: 'ok' }, { status: 'error', ename: 1 }]) {
    expect(readFailure(reply)).toEqual({
      status: 'error',
      errorValue: 'The calculation ended and left no outcome',
    });
  }
});

test('where the time of an assignment went is read, and nothing but numbers', () => {
  expect(readAssigned({ stages: { context: 12.5, session: 3 }, began_at: 1000.5 })).toEqual({
    stages: { context: 12.5, session: 3 },
    begunAt: new Date(1000.5),
  });
  expect(readAssigned({ stages: { context: 'long' }, began_at: 1e300 })).toEqual({ stages: {}, begunAt: undefined });
});

describe('jobs', () => {
  const JOB = { job_id: 3, name: 'count', status: 'RUNNING', submitted_at: 1000, ended_at: null, stages: 2, tasks: 8 };

  test('are read', () => {
    expect(readJobs({ jobs: [{ ...JOB, group: null }] })).toEqual([
      {
        ...{ jobId: 3, name: 'count', status: 'RUNNING', stages: 2, tasks: 8 },
        ...{ submittedAt: new Date(1000), endedAt: undefined, group: undefined },
      },
    ]);
  });

  test.each([
    [undefined],
    [{ jobs: null }],
    [{ jobs: [JOB] }],
    [{ jobs: [{ ...JOB, group: null, job_id: 0.5 }] }],
    [{ jobs: [{ ...JOB, group: null, name: 'x'.repeat(257) }] }],
    [{ jobs: Array.from({ length: 101 }, () => ({ ...JOB, group: null })) }],
  ])('%j is no list of them', (reply) => {
    expect(readJobs(reply)).toEqual([]);
  });
});
