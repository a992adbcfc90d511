import type {
  CalculationStatistics,
  CalculationStatus,
  GetCalculationExecutionResponse,
  GetSessionResponse,
  SessionStatus,
  SessionSummary,
} from '@aws-sdk/client-athena';
import { calculationsIn, type ListedCalculation } from '../store/calculations.ts';
import { findSession, type ListedSession } from '../store/sessions.ts';
import type { CalculationRow, SessionRow } from '../store/tables.ts';
import type { SessionsContext } from './context.ts';
import { calculationDpuMillis, sessionDpuMillis } from './dpus.ts';
import { executorsOf } from './executor-notes.ts';
import { resultFiles, resultUri } from './locations.ts';

/** A progress question that the driver does not answer in this time is not worth a slow reply. */
const PROGRESS_WAIT_MILLIS = 250;

const date = (millis: number | null): Date | undefined => (millis === null ? undefined : new Date(Number(millis)));
const parsed = <T>(json: string | null): T | undefined => (json === null ? undefined : (JSON.parse(json) as T));

export function describeSessionStatus(row: ListedSession): SessionStatus {
  return {
    StartDateTime: date(row.started_at),
    LastModifiedDateTime: date(row.last_modified_at),
    EndDateTime: date(row.ended_at),
    IdleSinceDateTime: date(row.idle_since),
    State: row.state,
    StateChangeReason: row.state_change_reason ?? undefined,
  };
}

export async function describeSession(context: SessionsContext, row: SessionRow): Promise<GetSessionResponse> {
  const running = row.state === 'BUSY' ? await calculationsIn(context.database, row.id, ['RUNNING', 'CANCELING']) : [];
  const since = running[0]?.started_at;
  return {
    SessionId: row.id,
    Description: row.description ?? undefined,
    WorkGroup: row.workgroup,
    EngineVersion: row.engine_version,
    EngineConfiguration: parsed(row.engine_configuration_json),
    NotebookVersion: row.notebook_version ?? undefined,
    MonitoringConfiguration: parsed(row.monitoring_configuration_json),
    SessionConfiguration: {
      ExecutionRole: row.execution_role,
      WorkingDirectory: row.working_directory,
      IdleTimeoutSeconds: row.idle_timeout_minutes * 60,
      SessionIdleTimeoutInMinutes: row.idle_timeout_minutes,
      EncryptionConfiguration: parsed(row.encryption_configuration_json),
    },
    Status: describeSessionStatus(row),
    Statistics: {
      DpuExecutionInMillis: sessionDpuMillis(row, await executorsOf(context, row), since ? Number(since) : undefined),
    },
  };
}

export function summarizeSession(row: ListedSession): SessionSummary {
  return {
    SessionId: row.id,
    Description: row.description ?? undefined,
    EngineVersion: { SelectedEngineVersion: row.engine_version, EffectiveEngineVersion: row.engine_version },
    NotebookVersion: row.notebook_version ?? undefined,
    Status: describeSessionStatus(row),
  };
}

export function describeCalculationStatus(row: ListedCalculation): CalculationStatus {
  return {
    SubmissionDateTime: date(row.submitted_at),
    CompletionDateTime: date(row.completed_at),
    State: row.state,
    StateChangeReason: row.state_change_reason ?? undefined,
  };
}

export async function describeStatistics(
  context: SessionsContext,
  row: CalculationRow,
): Promise<CalculationStatistics> {
  const [session, progress] = await Promise.all([
    findSession(context.database, row.session_id),
    progressOf(context, row),
  ]);
  const executors = session === undefined ? [] : await executorsOf(context, session);
  return {
    ...(session && { DpuExecutionInMillis: calculationDpuMillis(row, session, executors) }),
    Progress: `${progress}%`,
  };
}

export async function describeCalculation(
  context: SessionsContext,
  row: CalculationRow,
): Promise<GetCalculationExecutionResponse> {
  return {
    CalculationExecutionId: row.id,
    SessionId: row.session_id,
    Description: row.description ?? undefined,
    WorkingDirectory: row.working_directory,
    Status: describeCalculationStatus(row),
    Statistics: await describeStatistics(context, row),
    Result: row.has_result
      ? {
          StdOutS3Uri: resultUri(row.working_directory, 'stdout'),
          StdErrorS3Uri: resultUri(row.working_directory, 'stderr'),
          ResultS3Uri: resultUri(row.working_directory, 'result'),
          ResultType: resultFiles.result.contentType,
        }
      : undefined,
  };
}

/** Percent: of the Spark tasks while code runs, 100 once it has completed. */
async function progressOf(context: SessionsContext, row: CalculationRow): Promise<number> {
  if (row.state === 'COMPLETED') return 100;
  const driver = row.state === 'RUNNING' ? context.live.get(row.session_id) : undefined;
  if (driver === undefined) return 0;
  const tooLong = new Promise<undefined>((resolve) => setTimeout(resolve, PROGRESS_WAIT_MILLIS, undefined));
  const progress = await Promise.race([driver.progress().catch(() => undefined), tooLong]);
  return Math.round(progress ?? 0);
}
