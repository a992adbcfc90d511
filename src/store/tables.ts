/**
 * Row types of the state database. Times are whole milliseconds since 1970; `position` orders rows newest first and is
 * unique (see `positions.ts`); columns named `*_json` hold members of the API as they were sent.
 */
import type { Generated, Insertable, Selectable } from 'kysely';

export interface WorkGroupTable {
  name: string;
  state: 'ENABLED' | 'DISABLED';
  description: string | null;
  configuration_json: string;
  created_at: number;
}

export interface TagTable {
  resource_arn: string;
  key: string;
  value: string;
}

export type SessionState =
  | 'CREATING'
  | 'CREATED'
  | 'IDLE'
  | 'BUSY'
  | 'TERMINATING'
  | 'TERMINATED'
  | 'DEGRADED'
  | 'FAILED';

export interface SessionTable {
  id: string;
  position: number;
  workgroup: string;
  description: string | null;
  engine_version: string;
  engine_configuration_json: string;
  monitoring_configuration_json: string | null;
  encryption_configuration_json: string | null;
  notebook_version: string | null;
  notebook_id: string | null;
  execution_role: string;
  working_directory: string;
  idle_timeout_minutes: number;
  coordinator_dpus: number;
  worker_dpus: number;
  state: SessionState;
  state_change_reason: string | null;
  started_at: number;
  last_modified_at: number;
  /** When the session was first IDLE; its DPUs count from here. */
  ready_at: number | null;
  idle_since: number | null;
  ended_at: number | null;
  /** Milliseconds that calculations have run in the session, all together. */
  busy_millis: number;
  /** The server that looks after the session, and until when it said it would. */
  owner: string;
  lease_until: number;
  /** `DriverIdentity`, once a driver is claimed. */
  driver_json: string | null;
  /** The one key of a session of before temporary keys. Sessions now have none by this id; it is kept for those that still run. */
  access_key_id: string;
  /** What the session may come to take of the machine's memory: its driver with a full heap. */
  memory_mebibytes: Generated<number>;
  /** The caller's ARN, a session's own without its id; null for rows of before it was kept. */
  started_by: string | null;
  /** DPUs of one executor on a cluster; null with a local master, whose workers are threads of the driver. */
  executor_dpus: number | null;
}

export type CalculationState =
  | 'CREATING'
  | 'CREATED'
  | 'QUEUED'
  | 'RUNNING'
  | 'CANCELING'
  | 'CANCELED'
  | 'COMPLETED'
  | 'FAILED';

export interface CalculationTable {
  id: string;
  position: number;
  session_id: string;
  description: string | null;
  code: string;
  working_directory: string;
  state: CalculationState;
  state_change_reason: string | null;
  submitted_at: number;
  started_at: number | null;
  completed_at: number | null;
  /** 1 once stdout, stderr and the result object are in S3. */
  has_result: number;
  dpus: number;
}

/** One executor of a session on a cluster. */
export interface ExecutorTable {
  session_id: string;
  /** Spark's: a number, from 0. */
  executor_id: string;
  started_at: number;
  ended_at: number | null;
  state: 'CREATING' | 'CREATED' | 'REGISTERED' | 'TERMINATING' | 'TERMINATED' | 'FAILED';
}

/** What a ClientRequestToken has already started. */
export interface RequestTokenTable {
  operation: string;
  token: string;
  /** SHA-256 of the request's parameters: the same token with others is an error. */
  parameters_hash: string;
  resource_id: string;
  /** The state that the reply told; null while none has gone out, and for operations that always tell the same. */
  reply_state: string | null;
  created_at: number;
}

export interface Tables {
  workgroups: WorkGroupTable;
  tags: TagTable;
  sessions: SessionTable;
  calculations: CalculationTable;
  executors: ExecutorTable;
  request_tokens: RequestTokenTable;
}

export type WorkGroupRow = Selectable<WorkGroupTable>;
export type SessionRow = Selectable<SessionTable>;
export type CalculationRow = Selectable<CalculationTable>;
export type ExecutorRow = Selectable<ExecutorTable>;
export type NewSession = Insertable<SessionTable>;
export type NewCalculation = Insertable<CalculationTable>;
