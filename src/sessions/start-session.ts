import { randomUUID } from 'node:crypto';
import type { EngineConfiguration, StartSessionRequest, WorkGroupConfiguration } from '@aws-sdk/client-athena';
import { defaultExecutionRole, sessionArn, workGroupArn } from '../access/arns.ts';
import { newAccessKeyId } from '../access/keys.ts';
import type { Principal } from '../access/principal.ts';
import { InvalidRequestException } from '../errors.ts';
import { noteOnSpan } from '../spans.ts';
import { nextPosition } from '../store/positions.ts';
import { findByRequestToken, rememberReply, rememberRequestToken } from '../store/request-tokens.ts';
import { findSession, insertSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import type { NewSession, SessionState } from '../store/tables.ts';
import { listTags, putTags } from '../store/tags.ts';
import { takeTurn } from '../store/turns.ts';
import { isSpark } from '../workgroups/engine-versions.ts';
import { checkNewTags } from '../workgroups/tags.ts';
import type { WorkGroup } from '../workgroups/workgroups.ts';
import { propertiesOf } from './assignment.ts';
import { inBackground, LEASE_MILLIS, type SessionsContext } from './context.ts';
import { planDpus } from './dpus.ts';
import { checkNotDraining } from './draining.ts';
import { sessionMebibytes } from './footprint.ts';
import { launchSession } from './launch.ts';
import { sessionDirectory } from './locations.ts';
import { checkDpus, checkRoomForSession, startedBy } from './quotas.ts';
import { followUp } from './recorded.ts';
import { settledSession } from './settled.ts';

const OPERATION = 'StartSession';
const DEFAULT_IDLE_TIMEOUT_MINUTES = 20;
/** A hot driver takes some 30 ms, a warm one some 250. */
const START_REPLY_MILLIS = 400;
const NOTEBOOK_VERSION = 'Athena notebook version 1';
const ALL_TAGS = 1000;

/**
 * Accepts a session: the row is there when this returns, and the driver follows in the background.
 *
 * @returns the id, and the state at first reply (a repeated ClientRequestToken gets the same reply)
 * @throws InvalidRequestException, SessionAlreadyExistsException, TooManyRequestsException, ServiceUnavailableException
 */
export async function startSession(
  context: SessionsContext,
  request: StartSessionRequest,
  principal: Principal,
): Promise<{ sessionId: string; state: SessionState }> {
  checkNotDraining(context);
  const workGroup = await context.workGroups.get(request.WorkGroup as string);
  const row = newSession(context, request, workGroup, startedBy(principal));
  noteOnSpan({ 'parthenon.session.id': row.id });
  const tags = checkNewTags(request.Tags ?? []);
  const accept = async (transaction: Database) => {
    const token = request.ClientRequestToken;
    if (token !== undefined) {
      const earlier = await findByRequestToken(transaction, OPERATION, token, request);
      if (earlier !== undefined) return earlier;
    }
    // In turn with whoever else starts a session, that neither limit is passed; and with whoever deletes the workgroup.
    await takeTurn(transaction, OPERATION);
    await takeTurn(transaction, workGroupArn(context.realm, workGroup.name));
    // Read again: one that is being deleted takes no session any more.
    checkWorkGroup(await context.workGroups.get(workGroup.name, transaction));
    await checkRoomForSession(context, transaction, row);
    await insertSession(transaction, row);
    const arn = sessionArn(context.realm, workGroup.name, row.id);
    if (request.CopyWorkGroupTags) {
      const copied = await listTags(transaction, workGroupArn(context.realm, workGroup.name), { limit: ALL_TAGS });
      await putTags(transaction, arn, copied.rows);
    }
    await putTags(transaction, arn, tags);
    if (token !== undefined) await rememberRequestToken(transaction, OPERATION, token, request, row.id);
    return undefined;
  };
  const name = `Start of session ${row.id}`;
  const launch = () => launchSession(context, row, workGroup);
  const isWritten = async () => (await findSession(context.database, row.id)) !== undefined;
  const repeated = await context.database
    .transaction()
    .execute(accept)
    .catch((error: unknown) => followUp(context, name, error, isWritten, launch));
  if (repeated !== undefined) {
    return { sessionId: repeated.resourceId, state: (repeated.replyState ?? 'CREATING') as SessionState };
  }
  inBackground(context, name, launch);
  return { sessionId: row.id, state: await stateToReply(context, row.id, request.ClientRequestToken) };
}

/** IDLE, where a driver that waits makes it so in a moment: a client that reads it does not begin to poll. */
async function stateToReply(
  context: SessionsContext,
  sessionId: string,
  token: string | undefined,
): Promise<SessionState> {
  if (!context.drivers.oneIsWarm()) return 'CREATING';
  const { state } = await settledSession(context, sessionId, START_REPLY_MILLIS);
  if (token !== undefined) await rememberReply(context.database, OPERATION, token, state);
  return state;
}

function newSession(
  context: SessionsContext,
  request: StartSessionRequest,
  workGroup: WorkGroup,
  caller: string,
): NewSession & { id: string } {
  const { settings, realm } = context;
  const configuration = workGroup.configuration;
  const engine = engineConfiguration(request.EngineConfiguration, configuration);
  const plan = planDpus(engine, settings);
  checkDpus(plan.maxConcurrentDpus, settings.quotas);
  const id = randomUUID();
  const now = Date.now();
  const monitoring = request.MonitoringConfiguration ?? configuration.MonitoringConfiguration;
  const encryption = configuration.ResultConfiguration?.EncryptionConfiguration;
  const location = configuration.ResultConfiguration?.OutputLocation || settings.defaultResultsLocation;
  return {
    id,
    position: nextPosition(),
    workgroup: workGroup.name,
    description: request.Description ?? null,
    engine_version: configuration.EngineVersion?.EffectiveEngineVersion ?? '',
    engine_configuration_json: JSON.stringify({
      ...engine,
      CoordinatorDpuSize: plan.coordinatorDpus,
      MaxConcurrentDpus: plan.maxConcurrentDpus,
      DefaultExecutorDpuSize: engine.DefaultExecutorDpuSize ?? 1,
    }),
    monitoring_configuration_json: monitoring ? JSON.stringify(monitoring) : null,
    encryption_configuration_json: encryption ? JSON.stringify(encryption) : null,
    notebook_version: request.NotebookVersion ?? null,
    notebook_id: checkNotebook(request),
    execution_role: request.ExecutionRole ?? configuration.ExecutionRole ?? defaultExecutionRole(realm),
    working_directory: sessionDirectory(location, id),
    idle_timeout_minutes: request.SessionIdleTimeoutInMinutes ?? DEFAULT_IDLE_TIMEOUT_MINUTES,
    coordinator_dpus: plan.coordinatorDpus,
    worker_dpus: plan.workerDpus,
    executor_dpus: plan.executorDpus ?? null,
    state: 'CREATING',
    state_change_reason: null,
    started_at: now,
    last_modified_at: now,
    ready_at: null,
    idle_since: null,
    ended_at: null,
    busy_millis: 0,
    owner: context.serverId,
    lease_until: now + LEASE_MILLIS,
    driver_json: null,
    access_key_id: newAccessKeyId(),
    memory_mebibytes: sessionMebibytes(propertiesOf(engine, plan, workGroup, settings).properties),
    started_by: caller,
  };
}

/** The session's EngineConfiguration as sent; what it leaves out comes from the workgroup's. */
function engineConfiguration(
  requested: EngineConfiguration | undefined,
  configuration: WorkGroupConfiguration,
): EngineConfiguration {
  const defaults = configuration.EngineConfiguration ?? {};
  return {
    ...defaults,
    ...requested,
    ...(defaults.AdditionalConfigs && {
      AdditionalConfigs: { ...defaults.AdditionalConfigs, ...requested?.AdditionalConfigs },
    }),
    // Properties are merged when they are resolved; GetSession returns the caller's own.
    SparkProperties: requested?.SparkProperties,
    Classifications: requested?.Classifications,
  };
}

function checkWorkGroup(workGroup: WorkGroup): void {
  if (!isSpark(workGroup.configuration.EngineVersion))
    throw new InvalidRequestException('Workgroup EngineVersion is not Spark.');
  if (workGroup.state === 'DISABLED') throw new InvalidRequestException(`WorkGroup ${workGroup.name} is disabled.`);
}

/** @returns the notebook's id, if the session is one's */
function checkNotebook(request: StartSessionRequest): string | null {
  const notebookId = request.EngineConfiguration?.AdditionalConfigs?.NotebookId;
  if (notebookId !== undefined && request.NotebookVersion === undefined) {
    throw new InvalidRequestException('NotebookVersion is required when NotebookId is provided.');
  }
  if (request.NotebookVersion !== undefined && request.NotebookVersion !== NOTEBOOK_VERSION) {
    throw new InvalidRequestException(
      `Invalid NotebookVersion: ${request.NotebookVersion}. The only valid value is ${NOTEBOOK_VERSION}.`,
    );
  }
  if (request.NotebookVersion !== undefined && notebookId === undefined) {
    throw new InvalidRequestException('NotebookId is required in AdditionalConfigs when NotebookVersion is provided.');
  }
  return notebookId ?? null;
}
