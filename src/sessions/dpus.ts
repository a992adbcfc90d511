import type { ApplicationDPUSizes } from '@aws-sdk/client-athena';
import type { CalculationRow, SessionRow } from '../store/tables.ts';

const DEFAULT_MAX_CONCURRENT_DPUS = 20;
const DEFAULT_EXECUTOR_DPUS = 1;

/** The master under which a session's work is done by threads of its own driver. */
const LOCAL = 'local';

/** What a session's EngineConfiguration comes to. */
export interface DpuPlan {
  readonly coordinatorDpus: number;
  /** DPUs that executors use at most while a calculation runs; on a local master no more than the machine's cores make. */
  readonly workerDpus: number;
  /** Spark cores that stand for the workers: the threads of a local master, or those of all executors together. */
  readonly cores: number;
  readonly maxConcurrentDpus: number;
  /** Executors at most; undefined on a local master, which has none. */
  readonly executors?: number;
  readonly coresPerExecutor?: number;
}

/** What is asked for, in the words of EngineConfiguration. */
export interface RequestedDpus {
  readonly CoordinatorDpuSize?: number | undefined;
  readonly DefaultExecutorDpuSize?: number | undefined;
  readonly MaxConcurrentDpus?: number | undefined;
}

/** The server's settings that bound it. */
export interface DpuLimits {
  /** `local`, or a cluster's. */
  readonly sparkMaster: string;
  /** Cores of this machine that one session may use; a cluster has its own. */
  readonly cores: number;
  readonly coresPerDpu: number;
}

/**
 * MaxConcurrentDpus bounds the work that is done at once: on a local master by `(MaxConcurrentDpus - coordinator) x coresPerDpu` threads,
 * at most the machine's cores; on a cluster by `(MaxConcurrentDpus - coordinator) / executor` executors, at least one.
 */
export function planDpus(requested: RequestedDpus, limits: DpuLimits): DpuPlan {
  const coordinatorDpus = requested.CoordinatorDpuSize ?? 1;
  const maxConcurrentDpus = requested.MaxConcurrentDpus ?? DEFAULT_MAX_CONCURRENT_DPUS;
  const coordinator = { coordinatorDpus, maxConcurrentDpus };
  const room = maxConcurrentDpus - coordinatorDpus;
  if (limits.sparkMaster === LOCAL) {
    const cores = Math.max(1, Math.min(limits.cores, room * limits.coresPerDpu));
    return { ...coordinator, cores, workerDpus: Math.ceil(cores / limits.coresPerDpu) };
  }
  const executorDpus = requested.DefaultExecutorDpuSize ?? DEFAULT_EXECUTOR_DPUS;
  const executors = Math.max(1, Math.floor(room / executorDpus));
  const coresPerExecutor = executorDpus * limits.coresPerDpu;
  return {
    ...coordinator,
    cores: executors * coresPerExecutor,
    workerDpus: executors * executorDpus,
    executors,
    coresPerExecutor,
  };
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
