/** Counters and histograms: what the rooms tell, since this server started. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import {
  calculationBegun,
  calculationEnded,
  callAnswered,
  connection,
  objectsUsed,
  poolDriver,
  sessionEnded,
  sessionReady,
  sessionStartFailed,
  storeAsked,
  storeReach,
} from '../happenings.ts';

type Registers = Registry[];
type End = () => void;

/** From the quickest status call to the longest wait of one, and uploads beyond. */
const CALL_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Hot drivers take some 30 ms, fresh ones seconds. */
const START_SECONDS = [0.02, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180];
const WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300];
const RUN_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];
const STORE_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5];

/** Whoever calls states the service: what is not served here is one value, however it is called. */
const SERVICES: ReadonlySet<string> = new Set(['athena', 's3', 'sts']);

export function countCalls(registers: Registers): End {
  const requests = new Counter({
    name: 'parthenon_api_requests_total',
    help: 'API calls answered, by operation and error code',
    labelNames: ['service', 'operation', 'code'],
    registers,
  });
  const seconds = new Histogram({
    name: 'parthenon_api_request_duration_seconds',
    help: 'From the head of an API call until its answer was out',
    labelNames: ['service', 'operation'],
    buckets: CALL_SECONDS,
    registers,
  });
  const bytes = new Counter({
    name: 'parthenon_s3_served_bytes_total',
    help: 'Bytes of bodies that the embedded S3 took and gave',
    labelNames: ['direction'],
    registers,
  });
  const [received, sent] = [bytes.labels('received'), bytes.labels('sent')];
  for (const direction of [received, sent]) direction.inc(0);
  const connections = new Gauge({ name: 'parthenon_connections', help: 'TCP connections that are open', registers });
  const refusals = counter(registers, 'parthenon_connections_refused_total', 'Connections that there was no room for', {
    what: ['evicted', 'refused'],
  });
  // Looking a label's child up costs more than counting; operations and codes are those of closed catalogues.
  const latencies = remembered((service, operation) => seconds.labels(service, operation));
  const counts = remembered((service, operation, code) => requests.labels(service, operation, code));
  const hearCalls = callAnswered.hear((call) => {
    const service = SERVICES.has(call.service) ? call.service : 'other';
    const operation = call.operation ?? 'unknown';
    latencies(service, operation).observe(call.seconds);
    counts(service, operation, call.code).inc();
    if (call.receivedBytes > 0) received.inc(call.receivedBytes);
    if (call.sentBytes > 0) sent.inc(call.sentBytes);
  });
  const hearConnections = connection.hear(({ step }) => {
    if (step === 'opened') connections.inc();
    else if (step === 'closed') connections.dec();
    else refusals.inc({ what: step });
  });
  return all([hearCalls, hearConnections]);
}

export function countWork(registers: Registers): End {
  const starts = new Histogram({
    name: 'parthenon_session_start_duration_seconds',
    help: 'From StartSession to the first IDLE, by what the session was made of',
    labelNames: ['kind'],
    buckets: START_SECONDS,
    registers,
  });
  for (const kind of ['hot', 'warm', 'warming', 'fresh']) starts.zero({ kind });
  const failedStarts = counter(registers, 'parthenon_session_start_failures_total', 'Sessions that did not start', {
    cause: ['refused', 'internal'],
  });
  const ended = counter(registers, 'parthenon_sessions_ended_total', 'Sessions that ended, by end state', {
    state: ['TERMINATED', 'FAILED'],
  });
  const waits = new Histogram({
    name: 'parthenon_calculation_wait_seconds',
    help: 'From StartCalculationExecution until the code went to its driver',
    buckets: WAIT_SECONDS,
    registers,
  });
  const ends = counter(registers, 'parthenon_calculations_ended_total', 'Calculations that ended, by end state', {
    state: ['COMPLETED', 'FAILED', 'CANCELED'],
  });
  const runs = new Histogram({
    name: 'parthenon_calculation_run_seconds',
    help: 'From then until the results were in S3, by end state',
    labelNames: ['state'],
    buckets: RUN_SECONDS,
    registers,
  });
  for (const state of ['COMPLETED', 'FAILED', 'CANCELED']) runs.zero({ state });
  const pool = counter(
    registers,
    'parthenon_pool_launches_total',
    'Drivers made for the pool, by what became of them',
    {
      step: ['started', 'warm', 'failed'],
    },
  );
  return all([
    sessionReady.hear(({ kind, seconds }) => starts.observe({ kind }, seconds)),
    sessionStartFailed.hear(({ cause }) => failedStarts.inc({ cause })),
    sessionEnded.hear(({ state }) => ended.inc({ state })),
    calculationBegun.hear(({ waitedSeconds }) => waits.observe(waitedSeconds)),
    calculationEnded.hear(({ state, ranSeconds }) => {
      ends.inc({ state });
      if (ranSeconds !== undefined) runs.observe({ state }, ranSeconds);
    }),
    poolDriver.hear(({ step }) => pool.inc({ step })),
  ]);
}

export function countStore(registers: Registers): End {
  const seconds = new Histogram({
    name: 'parthenon_store_statement_duration_seconds',
    help: 'Statements that the state database was asked',
    labelNames: ['statement'],
    buckets: STORE_SECONDS,
    registers,
  });
  const errors = counter(registers, 'parthenon_store_errors_total', 'Statements that the state database did not take', {
    statement: ['select', 'insert', 'update', 'delete', 'commit', 'other'],
  });
  const reachable = new Gauge({
    name: 'parthenon_store_up',
    help: '1 while the state database is in reach, 0 while it is away',
    registers,
  });
  reachable.set(1);
  const outages = new Counter({
    name: 'parthenon_store_outages_total',
    help: 'Times that the state database went out of reach',
    registers,
  });
  const latencies = remembered((statement) => seconds.labels(statement));
  return all([
    storeAsked.hear(({ statement, seconds: took, failed }) => {
      latencies(statement).observe(took);
      if (failed) errors.inc({ statement });
    }),
    storeReach.hear((reach) => {
      reachable.set(reach.reachable ? 1 : 0);
      if (!reach.reachable) outages.inc();
    }),
  ]);
}

export function countObjects(registers: Registers): End {
  const operations = new Histogram({
    name: 'parthenon_s3_client_operation_duration_seconds',
    help: "The server's own use of S3, the embedded one or yours",
    labelNames: ['operation', 'outcome'],
    buckets: CALL_SECONDS,
    registers,
  });
  for (const outcome of ['ok', 'error']) operations.zero({ operation: 'putFile', outcome });
  const bytes = new Counter({
    name: 'parthenon_s3_client_written_bytes_total',
    help: 'Bytes that the server itself wrote to S3',
    registers,
  });
  return objectsUsed.hear(({ operation, seconds, failed, writtenBytes }) => {
    operations.observe({ operation, outcome: failed ? 'error' : 'ok' }, seconds);
    bytes.inc(writtenBytes);
  });
}

/** A counter with one label, of which every value is there from the start: a rate over what never happened is 0, not nothing. */
function counter<Label extends string>(
  registers: Registers,
  name: string,
  help: string,
  values: Readonly<Record<Label, readonly string[]>>,
): Counter<Label> {
  const [label, all] = Object.entries(values)[0] as [Label, readonly string[]];
  const made = new Counter({ name, help, labelNames: [label], registers });
  for (const value of all) made.inc({ [label]: value } as Record<Label, string>, 0);
  return made;
}

function remembered<Child>(make: (...labels: string[]) => Child): (...labels: string[]) => Child {
  const children = new Map<string, Child>();
  return (...labels) => {
    const key = labels.join(' ');
    let child = children.get(key);
    if (child === undefined) {
      child = make(...labels);
      children.set(key, child);
    }
    return child;
  };
}

function all(ends: readonly End[]): End {
  return () => {
    for (const end of ends) end();
  };
}
