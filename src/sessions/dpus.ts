import type { ApplicationDPUSizes } from '@aws-sdk/client-athena';
import type { CalculationRow, ExecutorRow, SessionRow } from '../store/tables.ts';

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
  readonly executorDpus?: number;
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
    executorDpus,
    coresPerExecutor,
  };
}

/** When an executor was there, in milliseconds since the epoch; until now where it has not ended. */
export type ExecutorTime = Pick<ExecutorRow, 'started_at' | 'ended_at'>;

/** What of a session's row DPUs are counted by. */
export type CountedSession = Pick<
  SessionRow,
  'ready_at' | 'ended_at' | 'busy_millis' | 'coordinator_dpus' | 'worker_dpus' | 'executor_dpus'
>;

/**
 * A calculation's DPU-milliseconds. With a local master: its running time x (coordinator + workers). On a cluster: its running time x
 * coordinator, and the time that executors were there meanwhile x their size. At least 1 once it has run, since AWS's clients take 0 for
 * "no statistics".
 */
export function calculationDpuMillis(
  row: Pick<CalculationRow, 'started_at' | 'completed_at' | 'dpus'>,
  session: CountedSession,
  executors: readonly ExecutorTime[],
  now = Date.now(),
): number {
  if (row.started_at === null) return 0;
  const from = Number(row.started_at);
  const until = Number(row.completed_at ?? now);
  const ran = ranMillis(from, until);
  if (session.executor_dpus === null) return ran * row.dpus;
  return ran * session.coordinator_dpus + executorMillis(executors, from, until) * session.executor_dpus;
}

/**
 * A session's: the coordinator from IDLE to the end; with a local master the workers while calculations run, on a cluster each executor
 * from its start to its end, whether anything runs or not.
 *
 * @param runningSince when the calculation that runs now has begun
 */
export function sessionDpuMillis(
  row: CountedSession,
  executors: readonly ExecutorTime[],
  runningSince?: number,
  now = Date.now(),
): number {
  if (row.ready_at === null) return 0;
  const ready = Number(row.ready_at);
  const end = row.ended_at === null ? now : Number(row.ended_at);
  const coordinator = Math.max(0, end - ready) * row.coordinator_dpus;
  if (row.executor_dpus !== null) return coordinator + executorMillis(executors, ready, end) * row.executor_dpus;
  const busy = Number(row.busy_millis) + (runningSince === undefined ? 0 : Math.max(0, now - runningSince));
  return coordinator + busy * row.worker_dpus;
}

/** How long a calculation ran. A clock that was set back meanwhile takes nothing away. */
export function ranMillis(startedAt: number, endedAt: number): number {
  return Math.max(1, endedAt - startedAt);
}

/** The time that executors were there between the two, all together. */
function executorMillis(executors: readonly ExecutorTime[], from: number, until: number): number {
  const within = executors.map(({ started_at, ended_at }) =>
    Math.max(0, Math.min(until, Number(ended_at ?? until)) - Math.max(from, Number(started_at))),
  );
  return within.reduce((sum, millis) => sum + millis, 0);
}

/** The DPU sizes that the one notebook runtime takes for coordinator and executors. */
export function applicationDpuSizes(): ApplicationDPUSizes[] {
  return [{ ApplicationRuntimeId: 'Athena notebook version 1', SupportedDPUSizes: [1] }];
}
