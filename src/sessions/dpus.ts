import type { ApplicationDPUSizes } from '@aws-sdk/client-athena';
import type { CalculationRow, SessionRow } from '../store/tables.ts';

const DEFAULT_MAX_CONCURRENT_DPUS = 20;

/** What a session's EngineConfiguration comes to. */
export interface DpuPlan {
  readonly coordinatorDpus: number;
  /** DPUs that executors use while a calculation runs; on a local master no more than the machine's cores make. */
  readonly workerDpus: number;
  /** Spark cores that stand for the workers. */
  readonly cores: number;
  readonly maxConcurrentDpus: number;
}

/**
 * MaxConcurrentDpus bounds the cores in use: `(MaxConcurrentDpus - coordinator) x coresPerDpu`, at most the machine's.
 *
 * @param cores cores of this machine that one session may use
 */
export function planDpus(
  requested: { CoordinatorDpuSize?: number | undefined; MaxConcurrentDpus?: number | undefined },
  limits: { cores: number; coresPerDpu: number },
): DpuPlan {
  const coordinatorDpus = requested.CoordinatorDpuSize ?? 1;
  const maxConcurrentDpus = requested.MaxConcurrentDpus ?? DEFAULT_MAX_CONCURRENT_DPUS;
  const cores = Math.max(1, Math.min(limits.cores, (maxConcurrentDpus - coordinatorDpus) * limits.coresPerDpu));
  return { coordinatorDpus, maxConcurrentDpus, cores, workerDpus: Math.ceil(cores / limits.coresPerDpu) };
}

/**
 * A calculation's DPU-milliseconds: its running time x (coordinator + workers). At least 1 once it has run, since AWS's clients
 * take 0 for "no statistics".
 */
export function calculationDpuMillis(row: CalculationRow, now = Date.now()): number {
  if (row.started_at === null) return 0;
  const end = row.completed_at ?? now;
  return Math.max(1, Number(end) - Number(row.started_at)) * row.dpus;
}

/** A session's: the coordinator from IDLE to the end, and the workers while calculations run. */
export function sessionDpuMillis(row: SessionRow, runningSince?: number, now = Date.now()): number {
  if (row.ready_at === null) return 0;
  const end = row.ended_at === null ? now : Number(row.ended_at);
  const busy = Number(row.busy_millis) + (runningSince === undefined ? 0 : Math.max(0, now - runningSince));
  return Math.max(0, end - Number(row.ready_at)) * row.coordinator_dpus + busy * row.worker_dpus;
}

/** The DPU sizes that the one notebook runtime takes for coordinator and executors. */
export function applicationDpuSizes(): ApplicationDPUSizes[] {
  return [{ ApplicationRuntimeId: 'Athena notebook version 1', SupportedDPUSizes: [1] }];
}
