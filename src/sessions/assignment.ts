/** What a driver is told to become: a session's properties, master and keys. */
import type { EngineConfiguration } from '@aws-sdk/client-athena';
import { type SessionAssignment, type SessionCredentials, SessionStartFailed } from '../drivers/driver.ts';
import type { Bounds } from '../spark-properties/bounds.ts';
import { propertiesOfClassifications } from '../spark-properties/classifications.ts';
import { type ResolvedProperties, resolveSparkProperties } from '../spark-properties/resolve.ts';
import type { NewSession } from '../store/tables.ts';
import type { WorkGroup } from '../workgroups/workgroups.ts';
import { clusterProperties } from './cluster-properties.ts';
import type { SessionSettings, SessionsContext } from './context.ts';
import { type DpuPlan, planDpus } from './dpus.ts';

/** Athena's: 1 DPU has 16 GB. */
const DPU_MEBIBYTES = 16 * 1024;
/** Of the machine's memory, for the heap of one driver. */
const DRIVERS_SHARE = 0.8;

/** @throws SessionStartFailed when a property is restricted */
export function assignmentOf(
  context: SessionsContext,
  session: NewSession,
  workGroup: WorkGroup,
  credentials: SessionCredentials,
): SessionAssignment {
  const { settings } = context;
  const engine = JSON.parse(session.engine_configuration_json) as EngineConfiguration;
  const plan = planDpus(engine, settings);
  const { properties, refusal, lowered } = propertiesOf(engine, plan, workGroup, settings);
  if (refusal !== undefined) throw new SessionStartFailed(refusal);
  if (lowered.length > 0) context.logger.info({ sessionId: session.id, lowered }, 'Spark properties were lowered');
  return {
    sessionId: session.id,
    workGroup: session.workgroup,
    sparkProperties: properties,
    sparkMaster: masterOf(plan, settings),
    eventLog: settings.eventLogs,
    s3: {
      endpoint: settings.s3.endpoint(),
      region: settings.s3.region,
      pathStyle: settings.s3.pathStyle,
      credentials,
    },
  };
}

/** What a session's properties come to, by the server's, its workgroup's and its own. */
export function propertiesOf(
  engine: EngineConfiguration,
  plan: DpuPlan,
  workGroup: WorkGroup,
  settings: SessionSettings,
): ResolvedProperties {
  const location = workGroup.configuration.ResultConfiguration?.OutputLocation || settings.defaultResultsLocation;
  const ofWorkGroup = workGroup.configuration.EngineConfiguration;
  return resolveSparkProperties({
    server: serversProperties(plan, settings, location),
    callers: [
      propertiesOfClassifications(ofWorkGroup?.Classifications),
      ofWorkGroup?.SparkProperties,
      propertiesOfClassifications(engine.Classifications),
      engine.SparkProperties,
    ],
    bounds: boundsOf(plan, settings),
    allowedPaths: settings.allowedPaths,
  });
}

/** What a session is told that asks for nothing: the pool's drivers wait with it. */
export function standardSession(settings: SessionSettings): Pick<SessionAssignment, 'sparkProperties' | 'sparkMaster'> {
  const plan = planDpus({}, settings);
  const { properties } = resolveSparkProperties({
    server: serversProperties(plan, settings, settings.defaultResultsLocation),
    callers: [],
    bounds: boundsOf(plan, settings),
    allowedPaths: [],
  });
  return { sparkProperties: properties, sparkMaster: masterOf(plan, settings) };
}

function serversProperties(plan: DpuPlan, settings: SessionSettings, location: string) {
  return [
    settings.catalogProperties(location),
    clusterProperties(plan, settings.sparkMaster),
    settings.sparkProperties,
  ];
}

function masterOf(plan: DpuPlan, settings: SessionSettings): string {
  return settings.sparkMaster === 'local' ? `local[${plan.cores}]` : settings.sparkMaster;
}

function boundsOf(plan: DpuPlan, settings: SessionSettings): Bounds {
  return {
    driverMemoryMebibytes: Math.min(plan.coordinatorDpus * DPU_MEBIBYTES, settings.memoryMebibytes * DRIVERS_SHARE),
    executors: plan.executors,
    coresPerExecutor: plan.coresPerExecutor,
  };
}
