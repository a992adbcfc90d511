import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Drivers } from '../drivers/driver.ts';
import type { Database } from '../store/store.ts';
import { countCalls, countObjects, countStore, countWork } from './counted.ts';
import { readDrivers, readMemory, readPool, readState } from './gauges.ts';

export interface MetricsSources {
  readonly database: Database;
  readonly drivers: Pick<Drivers, 'pool' | 'usage'>;
  /** Status calls whose reply is held until a change. */
  readonly heldReplies: () => number;
  /** Mebibytes: what sessions may take together, and what can be had now. */
  readonly memory: { readonly limit: number; readonly available: () => number };
  readonly version: string;
}

export interface Metrics {
  /** Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
  close(): void;
}

/** Between two looks at the event loop: often enough to see a stall, seldom enough to idle. */
const EVENT_LOOP_LOOK_MILLIS = 50;

/** Gauges of prom-client's own that are named like counters; the sums of others that stay. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/**
 * Counts what the rooms tell from now on, and reads at each scrape what only the moment knows. What every metric means, and whether
 * it is this server's or the database's: docs/operators/metrics.md.
 */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MILLIS });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const registers = [registry];
  new Gauge({ name: 'parthenon_info', help: 'Always 1', labelNames: ['version'], registers }).set(
    { version: sources.version },
    1,
  );
  new Gauge({
    name: 'parthenon_status_replies_held',
    help: 'Status calls whose reply waits for a change',
    registers,
    collect() {
      this.set(sources.heldReplies());
    },
  });
  const ends = [countCalls(registers), countWork(registers), countStore(registers), countObjects(registers)];
  const readings = [
    readState(registers, sources.database),
    readDrivers(registers, sources.drivers),
    readPool(registers, sources.drivers),
    readMemory(registers, sources.memory.limit, sources.memory.available),
  ];
  const read = async () => {
    await Promise.all(readings.map((reading) => reading()));
    return { contentType: registry.contentType, text: await registry.metrics() };
  };
  let underWay: ReturnType<typeof read> | undefined;
  return {
    read() {
      // However many ask at once, the work is done once.
      underWay ??= read().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    close() {
      for (const end of ends) end();
      registry.clear();
    },
  };
}
