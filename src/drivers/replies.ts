/** What a driver replies. The session's code runs in the same process and can forge all of it, so each part is checked. */
import { z } from 'zod';
import type { CalculationOutcome, ExecutorInfo, SparkConnectAddress, SparkJob, SparkUiAddress } from './driver.ts';

export type Reply = Readonly<Record<string, unknown>>;

/** Milliseconds since the epoch, as far as a Date reaches. */
const TIME = z
  .number()
  .min(0)
  .max(8.64e15)
  .transform((milliseconds) => new Date(milliseconds));

const EXECUTORS = z.object({
  executors: z.array(
    z.object({
      executor_id: z.string().min(1).max(256),
      type: z.enum(['COORDINATOR', 'WORKER']),
      state: z.enum(['CREATING', 'CREATED', 'REGISTERED', 'TERMINATING', 'TERMINATED', 'FAILED']),
      started_at: TIME,
      ended_at: TIME.nullable(),
    }),
  ),
});

const PROGRESS = z.object({ progress: z.number().min(0).max(100) });

const PORT = z.number().int().min(1).max(65_535);
const SECRET = z.string().regex(/^[\w-]{16,128}$/);

const CONNECT = z.object({ connect: z.object({ port: PORT, secret: SECRET }) });

const DASHBOARD = z.object({ dashboard: z.object({ port: PORT, secret: SECRET, proof: SECRET }) });

const WORKING = z.object({ working: z.boolean() });

const REFUSAL = z.object({ status: z.literal('error'), reason: z.string().min(1).max(2000) });

const FAILURE = z.object({ status: z.literal('error'), ename: z.string(), evalue: z.string() });

const STAGES = z.record(z.string().max(64), z.number().min(0));

/** Where the time of an assignment went. */
export interface Assigned {
  /** Milliseconds by the name of the stage, in their order. Empty where the driver says anything but numbers. */
  readonly stages: Readonly<Record<string, number>>;
  /** When the first began; undefined for anything but a time. */
  readonly begunAt: Date | undefined;
}

export function readAssigned(reply: Reply): Assigned {
  return { stages: STAGES.safeParse(reply.stages).data ?? {}, begunAt: TIME.safeParse(reply.began_at).data };
}

const JOBS = z.object({
  jobs: z
    .array(
      z.object({
        job_id: z.int().min(0),
        name: z.string().max(256),
        status: z.string().max(32),
        submitted_at: TIME,
        ended_at: TIME.nullable(),
        group: z.string().max(256).nullable(),
        stages: z.int().min(0),
        tasks: z.int().min(0),
      }),
    )
    .max(100),
});

/** None for anything but a list of jobs. */
export function readJobs(reply: unknown): SparkJob[] {
  const jobs = JOBS.safeParse(reply).data?.jobs ?? [];
  return jobs.map(({ job_id: jobId, submitted_at: submittedAt, ended_at: endedAt, group, ...others }) => ({
    ...others,
    jobId,
    submittedAt,
    endedAt: endedAt ?? undefined,
    group: group ?? undefined,
  }));
}

/** undefined for anything but a list of executors. */
export function readExecutors(reply: unknown): ExecutorInfo[] | undefined {
  return EXECUTORS.safeParse(reply).data?.executors.map((each) => ({
    executorId: each.executor_id,
    type: each.type,
    state: each.state,
    startedAt: each.started_at,
    endedAt: each.ended_at ?? undefined,
  }));
}

/** 0..100; undefined when nothing runs, and for anything else. */
export function readProgress(reply: unknown): number | undefined {
  return PROGRESS.safeParse(reply).data?.progress;
}

/** undefined for anything but an address. */
export function readConnect(reply: unknown): SparkConnectAddress | undefined {
  return CONNECT.safeParse(reply).data?.connect;
}

/** undefined for anything but an address. */
export function readDashboard(reply: unknown): SparkUiAddress | undefined {
  return DASHBOARD.safeParse(reply).data?.dashboard;
}

/** Why the driver did not do what it was asked; undefined for anything else. */
export function readRefusal(reply: unknown): string | undefined {
  return REFUSAL.safeParse(reply).data?.reason.toWellFormed();
}

/** false for anything else. */
export function readWorking(reply: unknown): boolean {
  return WORKING.safeParse(reply).data?.working ?? false;
}

/** How a calculation ended that has left no outcome. */
export function readFailure(reply: unknown): Pick<CalculationOutcome, 'status' | 'errorName' | 'errorValue'> {
  const failure = FAILURE.safeParse(reply).data;
  if (failure === undefined) {
    return { status: 'error', errorValue: 'The calculation ended and left no outcome' };
  }
  return { status: 'error', errorName: failure.ename.toWellFormed(), errorValue: failure.evalue.toWellFormed() };
}
