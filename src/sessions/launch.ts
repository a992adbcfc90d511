import type { EngineConfiguration } from '@aws-sdk/client-athena';
import { type Driver, type DriverExit, type SessionAssignment, SessionStartFailed } from '../drivers/driver.ts';
import type { Bounds } from '../spark-properties/bounds.ts';
import { propertiesOfClassifications } from '../spark-properties/classifications.ts';
import { resolveSparkProperties } from '../spark-properties/resolve.ts';
import { moveSession } from '../store/sessions.ts';
import type { NewSession } from '../store/tables.ts';
import type { WorkGroup } from '../workgroups/workgroups.ts';
import { clusterProperties } from './cluster-properties.ts';
import { inBackground, type SessionSettings, type SessionsContext } from './context.ts';
import { type DpuPlan, planDpus } from './dpus.ts';
import { failSession, finishTermination } from './ending.ts';
import { parseS3Uri } from './locations.ts';

/** Athena's: 1 DPU has 16 GB. */
const DPU_MEBIBYTES = 16 * 1024;
/** Of the machine's memory, for the heap of one driver. */
const DRIVERS_SHARE = 0.8;

/** The session was terminated while its driver was being made. */
class Overtaken extends Error {}

/**
 * Gives an accepted session its driver: CREATING -> CREATED (a driver is claimed and its identity kept) -> IDLE. Whatever fails
 * makes the session FAILED with the reason; a TerminateSession that came between is finished here.
 */
export async function launchSession(
  context: SessionsContext,
  session: NewSession,
  workGroup: WorkGroup,
): Promise<void> {
  try {
    const assignment = assignmentOf(context, session, workGroup);
    await ensureResultsBucket(context, session.working_directory);
    const driver = await context.drivers.start(assignment, async (identity) => {
      const claimed = await moveSession(context.database, session.id, 'CREATED', ['CREATING'], {
        driver_json: JSON.stringify(identity),
        last_modified_at: Date.now(),
      });
      if (!claimed) throw new Overtaken();
    });
    await becomeIdle(context, session.id, driver);
  } catch (error) {
    if (await finishTermination(context, session.id)) return;
    if (!(error instanceof SessionStartFailed))
      context.logger.error({ err: error, sessionId: session.id }, 'Session could not be started');
    const reason =
      error instanceof SessionStartFailed
        ? error.message
        : 'The session could not be started because of an internal error.';
    await failSession(context, session.id, reason);
  }
}

async function becomeIdle(context: SessionsContext, sessionId: string, driver: Driver): Promise<void> {
  context.live.set(sessionId, driver);
  void driver.exited.then((exit) =>
    inBackground(context, `End of the driver of session ${sessionId}`, () => onExit(context, sessionId, driver, exit)),
  );
  const now = Date.now();
  const idle = await moveSession(context.database, sessionId, 'IDLE', ['CREATED'], {
    ready_at: now,
    idle_since: now,
    last_modified_at: now,
  });
  context.changes.tell(sessionId);
  if (!idle) {
    await driver.stop();
    await finishTermination(context, sessionId);
  }
}

async function onExit(context: SessionsContext, sessionId: string, driver: Driver, exit: DriverExit): Promise<void> {
  context.live.delete(sessionId);
  if (!exit.expected) {
    context.logger.warn({ sessionId, reason: exit.reason }, 'A driver died');
    await failSession(context, sessionId, exit.reason);
    // What a calculation left in the driver's folder goes to S3 before the folder goes.
    await context.running.get(sessionId);
    await driver.stop();
  }
  context.running.delete(sessionId);
}

function assignmentOf(context: SessionsContext, session: NewSession, workGroup: WorkGroup): SessionAssignment {
  const { settings, keys } = context;
  const engine = JSON.parse(session.engine_configuration_json) as EngineConfiguration;
  const location = workGroup.configuration.ResultConfiguration?.OutputLocation || settings.defaultResultsLocation;
  const ofWorkGroup = workGroup.configuration.EngineConfiguration;
  const plan = planDpus(engine, settings);
  const { properties, refusal, lowered } = resolveSparkProperties({
    server: [
      settings.catalogProperties(location),
      clusterProperties(plan, settings.sparkMaster),
      settings.sparkProperties,
    ],
    callers: [
      propertiesOfClassifications(ofWorkGroup?.Classifications),
      ofWorkGroup?.SparkProperties,
      propertiesOfClassifications(engine.Classifications),
      engine.SparkProperties,
    ],
    bounds: boundsOf(plan, settings),
    allowedPaths: settings.allowedPaths,
  });
  if (refusal !== undefined) throw new SessionStartFailed(refusal);
  if (lowered.length > 0) context.logger.info({ sessionId: session.id, lowered }, 'Spark properties were lowered');
  return {
    sessionId: session.id,
    workGroup: session.workgroup,
    sparkProperties: properties,
    sparkMaster: settings.sparkMaster === 'local' ? `local[${plan.cores}]` : settings.sparkMaster,
    s3: {
      endpoint: settings.s3.endpoint(),
      region: settings.s3.region,
      pathStyle: settings.s3.pathStyle,
      credentials: settings.s3Credentials ?? keys.sessionKey(session.access_key_id),
    },
  };
}

function boundsOf(plan: DpuPlan, settings: SessionSettings): Bounds {
  return {
    driverMemoryMebibytes: Math.min(plan.coordinatorDpus * DPU_MEBIBYTES, settings.memoryMebibytes * DRIVERS_SHARE),
    executors: plan.executors,
    coresPerExecutor: plan.coresPerExecutor,
  };
}

async function ensureResultsBucket(context: SessionsContext, workingDirectory: string): Promise<void> {
  const { bucket } = parseS3Uri(workingDirectory);
  try {
    await context.objects.ensureBucket(bucket);
  } catch (error) {
    context.logger.warn({ err: error, bucket }, 'The output bucket could not be made');
    throw new SessionStartFailed(`Unable to verify/create output bucket ${bucket}: ${(error as Error).message}`);
  }
}
