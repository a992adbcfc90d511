import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterProperties } from '../../src/sessions/cluster-properties.ts';
import { calculationDpuMillis, planDpus, sessionDpuMillis } from '../../src/sessions/dpus.ts';
import type { CalculationRow, SessionRow } from '../../src/store/tables.ts';

const session = (row: Partial<SessionRow>) =>
  ({
    coordinator_dpus: 1,
    worker_dpus: 1,
    executor_dpus: null,
    busy_millis: 0,
    ready_at: null,
    ended_at: null,
    ...row,
  }) as SessionRow;
const calculation = (row: Partial<CalculationRow>) =>
  ({ dpus: 2, started_at: null, completed_at: null, ...row }) as CalculationRow;

const machine = { sparkMaster: 'local', cores: 1000, coresPerDpu: 4 };
const cluster = { ...machine, cores: 2, sparkMaster: 'spark://127.0.0.1:7077' };

describe('planDpus', () => {
  it('never uses more cores than MaxConcurrentDpus or the machine allow, and always at least one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 1, max: 128 }),
        fc.integer({ min: 1, max: 16 }),
        (MaxConcurrentDpus, cores, coresPerDpu) => {
          const plan = planDpus({ MaxConcurrentDpus }, { ...machine, cores, coresPerDpu });
          expect(plan.cores).toBeGreaterThanOrEqual(1);
          expect(plan.cores).toBeLessThanOrEqual(cores);
          expect(plan.coordinatorDpus + plan.workerDpus).toBeLessThanOrEqual(MaxConcurrentDpus);
          expect(plan.executors).toBeUndefined();
        },
      ),
    );
  });

  it('takes AWS’s defaults for what is left out', () => {
    expect(planDpus({}, machine)).toEqual({
      coordinatorDpus: 1,
      maxConcurrentDpus: 20,
      cores: 76,
      workerDpus: 19,
    });
  });

  it('bounds executors on a cluster, whatever cores the server’s own machine has', () => {
    expect(planDpus({}, cluster)).toMatchObject({ executors: 19, coresPerExecutor: 4, cores: 76, workerDpus: 19 });
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 1, max: 16 }),
        (MaxConcurrentDpus, coresPerDpu) => {
          const plan = planDpus({ MaxConcurrentDpus }, { ...cluster, coresPerDpu });
          expect(plan.executors).toBe(MaxConcurrentDpus - 1);
          expect(plan.coordinatorDpus + plan.workerDpus).toBe(MaxConcurrentDpus);
          expect(plan.cores).toBe(plan.workerDpus * coresPerDpu);
        },
      ),
    );
  });
});

describe('clusterProperties', () => {
  it('are nothing on a local master', () => {
    expect(clusterProperties(planDpus({}, machine), 'local')).toEqual({});
  });

  it('let a session grow from no executor to its DPUs', () => {
    const plan = planDpus({ MaxConcurrentDpus: 4 }, cluster);
    expect(clusterProperties(plan, cluster.sparkMaster)).toEqual({
      'spark.dynamicAllocation.enabled': 'true',
      'spark.dynamicAllocation.shuffleTracking.enabled': 'true',
      'spark.dynamicAllocation.minExecutors': '0',
      'spark.dynamicAllocation.maxExecutors': '3',
      'spark.executor.cores': '4',
      'spark.cores.max': '12',
    });
    expect(clusterProperties(plan, 'yarn')).not.toHaveProperty('spark.cores.max');
  });
});

describe('DPU accounts with a local master', () => {
  it('are nothing before the work begins', () => {
    expect(sessionDpuMillis(session({}), [], undefined, 1000)).toBe(0);
    expect(calculationDpuMillis(calculation({}), session({}), [], 1000)).toBe(0);
  });

  it('count the coordinator while the session is up, and the workers while calculations run', () => {
    const row = session({ ready_at: 1000, ended_at: 11_000, busy_millis: 4000, worker_dpus: 3 });
    expect(sessionDpuMillis(row, [])).toBe(10_000 + 4000 * 3);
  });

  it('grow while a calculation runs', () => {
    const row = session({ ready_at: 0 });
    expect(sessionDpuMillis(row, [], 500, 1000)).toBe(1000 + 500);
    expect(calculationDpuMillis(calculation({ started_at: 500 }), row, [], 1000)).toBe(1000);
  });

  it('are at least one for a calculation that has run: clients take 0 for no statistics', () => {
    const ran = calculation({ started_at: 5, completed_at: 5 });
    expect(calculationDpuMillis(ran, session({}), [])).toBeGreaterThan(0);
  });
});

describe('DPU accounts on a cluster', () => {
  const row = session({ ready_at: 1000, ended_at: 11_000, executor_dpus: 2, worker_dpus: 8, busy_millis: 5000 });
  const executors = [
    { started_at: 2000, ended_at: 6000 },
    { started_at: 4000, ended_at: null },
  ];

  it('count each executor while it was there, whether a calculation ran or not', () => {
    expect(sessionDpuMillis(row, executors)).toBe(10_000 + (4000 + 7000) * 2);
  });

  it('count for a calculation the executors that were there while it ran', () => {
    const ran = calculation({ started_at: 3000, completed_at: 5000, dpus: 9 });
    expect(calculationDpuMillis(ran, row, executors)).toBe(2000 + (2000 + 1000) * 2);
    expect(calculationDpuMillis(ran, row, [])).toBe(2000);
  });

  it('add up: calculations one after the other, and the time between them, are the session', () => {
    const times = fc.array(fc.integer({ min: 1000, max: 11_000 }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(fc.array(times), (pairs) => {
        const some = pairs.map((pair) => {
          const [started_at = 0, ended_at = 0] = pair.toSorted((left, right) => left - right);
          return { started_at, ended_at };
        });
        const parts = [1000, 2500, 7000, 11_000].flatMap((until, index, all) =>
          index === 0 ? [] : [calculation({ started_at: all[index - 1] as number, completed_at: until })],
        );
        const sum = parts.reduce((total, part) => total + calculationDpuMillis(part, row, some), 0);
        expect(sum).toBe(sessionDpuMillis(row, some));
      }),
    );
  });
});
