import { nextPosition } from '../../src/store/positions.ts';
import type { NewCalculation, NewSession } from '../../src/store/tables.ts';

let made = 0;
/** A row that nothing else is about: what a test is about, it says. */
export function session(row: Partial<NewSession> = {}): NewSession & { id: string } {
  made += 1;
  return {
    id: `session-${made}`,
    position: nextPosition(),
    workgroup: 'primary',
    description: null,
    engine_version: 'PySpark engine version 3',
    engine_configuration_json: '{}',
    monitoring_configuration_json: null,
    encryption_configuration_json: null,
    notebook_version: null,
    notebook_id: null,
    execution_role: 'arn:aws:iam::123456789012:role/Analyst',
    working_directory: 's3://bucket/sessions/x/',
    idle_timeout_minutes: 1,
    coordinator_dpus: 1,
    worker_dpus: 1,
    executor_dpus: null,
    state: 'CREATING',
    state_change_reason: null,
    started_at: 0,
    last_modified_at: 0,
    ready_at: null,
    idle_since: null,
    ended_at: null,
    busy_millis: 0,
    owner: 'server',
    lease_until: 0,
    driver_json: null,
    access_key_id: `AKIA${made}`,
    memory_mebibytes: 1536,
    started_by: 'arn:aws:iam::123456789012:root',
    ...row,
  };
}

export function calculation(row: Partial<NewCalculation> & { session_id: string }): NewCalculation & { id: string } {
  made += 1;
  return {
    id: `calculation-${made}`,
    position: nextPosition(),
    description: null,
    code: '1',
    working_directory: 's3://bucket/x/',
    state: 'CREATING',
    state_change_reason: null,
    submitted_at: 0,
    started_at: null,
    completed_at: null,
    has_result: 0,
    dpus: 2,
    ...row,
  };
}
