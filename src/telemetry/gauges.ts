/** What is read when somebody asks: the state database, the drivers' processes, the pool. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Drivers } from '../drivers/driver.ts';
import { runningCalculationStates, activeSessionStates } from '../sessions/states.ts';
import { takeCensus } from '../store/census.ts';
import type { Database } from '../store/store.ts';

type Registers = Registry[];
type Reading = () => Promise<void>;

const MEBIBYTE = 1024 ** 2;

/** A scrape does not wait longer for a state database that is away. Prometheus gives up after ten seconds. */
const CENSUS_MILLIS = 2_000;
/** Sessions in these hold their coordinator's DPUs. */
const WITH_COORDINATOR: readonly string[] = ['IDLE', 'BUSY', 'DEGRADED', 'TERMINATING'];

/** Of the whole database: every server of it tells the same. While it cannot be read, nothing is told rather than what was. */
export function readState(registers: Registers, database: Database): Reading {
  const sessions = new Gauge({
    name: 'parthenon_sessions',
    help: 'Sessions that have not ended, by state',
    labelNames: ['state'],
    registers,
  });
  const calculations = new Gauge({
    name: 'parthenon_calculations',
    help: 'Calculations that have not ended, by state',
    labelNames: ['state'],
    registers,
  });
  const dpus = new Gauge({
    name: 'parthenon_dpus_in_use',
    help: 'DPUs of coordinators of sessions that are ready, and of the workers of those that run a calculation',
    labelNames: ['role'],
    registers,
  });
  const memory = new Gauge({
    name: 'parthenon_session_memory_bytes',
    help: 'What sessions that have not ended may come to take, by state',
    labelNames: ['state'],
    registers,
  });
  return async () => {
    const census = await within(CENSUS_MILLIS, takeCensus(database, runningCalculationStates));
    for (const gauge of [sessions, calculations, dpus, memory]) gauge.reset();
    if (census === undefined) return;
    for (const state of activeSessionStates) {
      const { count = 0, memoryMebibytes = 0 } = census.sessions.find((each) => each.state === state) ?? {};
      sessions.set({ state }, count);
      memory.set({ state }, memoryMebibytes * MEBIBYTE);
    }
    for (const state of runningCalculationStates) {
      calculations.set({ state }, census.calculations.find((each) => each.state === state)?.count ?? 0);
    }
    const ready = census.sessions.filter(({ state }) => WITH_COORDINATOR.includes(state));
    const busy = census.sessions.filter(({ state }) => state === 'BUSY');
    dpus.set({ role: 'coordinator' }, sum(ready.map(({ coordinatorDpus }) => coordinatorDpus)));
    dpus.set({ role: 'worker' }, sum(busy.map(({ workerDpus }) => workerDpus)));
  };
}

/** @param limitMebibytes what sessions and the pool may take together */
export function readMemory(registers: Registers, limitMebibytes: number, availableMebibytes: () => number): Reading {
  const limit = new Gauge({
    name: 'parthenon_session_memory_limit_bytes',
    help: 'What sessions and the pool may take together',
    registers,
  });
  const available = new Gauge({
    name: 'parthenon_available_memory_bytes',
    help: 'Memory that can be had without swapping, here or in the control group',
    registers,
  });
  return async () => {
    limit.set(limitMebibytes * MEBIBYTE);
    available.set(availableMebibytes() * MEBIBYTE);
  };
}

export function readPool(registers: Registers, drivers: Pick<Drivers, 'pool'>): Reading {
  const size = new Gauge({
    name: 'parthenon_pool_size',
    help: 'Drivers that are meant to wait for a session',
    registers,
  });
  const waiting = new Gauge({
    name: 'parthenon_pool_drivers',
    help: 'Drivers that wait: with a SparkContext, with a JVM, on the way there',
    labelNames: ['grade'],
    registers,
  });
  return async () => {
    const census = drivers.pool();
    size.set(census.size);
    for (const grade of ['hot', 'warm', 'warming'] as const) waiting.set({ grade }, census[grade]);
  };
}

/** All processes of a driver together: Python, JVM, Spark's Python workers, and what code started. */
export function readDrivers(registers: Registers, drivers: Pick<Drivers, 'usage'>): Reading {
  const labelNames = ['role'] as const;
  const living = new Gauge({ name: 'parthenon_drivers', help: 'Drivers that live', labelNames, registers });
  const memory = new Gauge({
    name: 'parthenon_driver_memory_bytes',
    help: 'Resident memory of all drivers together',
    labelNames,
    registers,
  });
  const largest = new Gauge({
    name: 'parthenon_driver_largest_memory_bytes',
    help: 'Resident memory of the driver that has most',
    labelNames,
    registers,
  });
  const cpu = new Counter({
    name: 'parthenon_driver_cpu_seconds_total',
    help: 'Processor time of all drivers, those that have ended included, as seen at scrapes',
    labelNames,
    registers,
  });
  let counted = new Map<string, number>();
  return async () => {
    const usages = await drivers.usage();
    const counts = new Map<string, number>();
    for (const role of ['session', 'pool'] as const) {
      const of = usages.filter((usage) => usage.role === role);
      living.set({ role }, of.length);
      memory.set({ role }, sum(of.map(({ memoryBytes }) => memoryBytes)));
      largest.set({ role }, Math.max(0, ...of.map(({ memoryBytes }) => memoryBytes)));
      cpu.inc({ role }, 0);
      for (const { driverId, cpuSeconds } of of) {
        const before = counted.get(driverId) ?? 0;
        // Between a process's end and its parent's word of it, its time is nowhere.
        const now = Math.max(before, cpuSeconds);
        cpu.inc({ role }, now - before);
        counts.set(driverId, now);
      }
    }
    counted = counts;
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** undefined when it fails, or takes longer. */
async function within<Result>(millis: number, work: Promise<Result>): Promise<Result | undefined> {
  const enough = new AbortController();
  const late = sleep(millis, undefined, { signal: enough.signal }).catch(() => undefined);
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    enough.abort();
  }
}
