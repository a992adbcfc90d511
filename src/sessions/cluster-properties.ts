import type { DpuPlan } from './dpus.ts';

/**
 * Spark properties by which a session on a cluster grows and shrinks within its DPUs; none for a local master.
 *
 * They are defaults: the operator's and the callers' own win, the latter within the plan's bounds. From no executor at all,
 * so that a session that waits costs the cluster nothing. https://spark.apache.org/docs/3.5.7/job-scheduling.html
 */
export function clusterProperties(plan: DpuPlan, sparkMaster: string): Readonly<Record<string, string>> {
  if (plan.executors === undefined || plan.coresPerExecutor === undefined) return {};
  return {
    'spark.dynamicAllocation.enabled': 'true',
    // Executors that hold shuffled data stay: no cluster needs an external shuffle service for this.
    'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
    'spark.dynamicAllocation.minExecutors': '0',
    'spark.dynamicAllocation.maxExecutors': String(plan.executors),
    'spark.executor.cores': String(plan.coresPerExecutor),
    // A standalone master gives an application all of its cores unless told; other masters have no such word.
    ...(sparkMaster.startsWith('spark:') && { 'spark.cores.max': String(plan.cores) }),
  };
}
