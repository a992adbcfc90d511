/** Where a session's logs go: by MonitoringConfiguration, and the event log for its Spark UI after its end. */
import type { MonitoringConfiguration } from '@aws-sdk/client-athena';
import type { ObjectEncryption } from '../objects/object-store.ts';
import type { SessionRow } from '../store/tables.ts';
import type { SessionSettings } from './context.ts';
import { encryptionOf } from './results.ts';

/** AWS's kinds of a driver's log. */
type LogType = 'STDOUT' | 'STDERR';
const ALL_TYPES: readonly LogType[] = ['STDOUT', 'STDERR'];
const DRIVER = 'SPARK_DRIVER';

/** One place in S3. */
export interface LogTarget {
  /** `s3://bucket/prefix/`, of this session alone. */
  readonly directory: string;
  readonly encryption?: ObjectEncryption;
  readonly eventLog: boolean;
  /** What of the driver's own log. */
  readonly driver: readonly LogType[];
  /** Whether it can be read there while the session runs. */
  readonly live: boolean;
  /** Whether whoever started the session has named the place: it is written as the session's role may. */
  readonly named?: boolean;
}

/** In which object a file of the driver's stands, and of which kind it is. */
export function driverLog(file: string): { readonly name: string; readonly type: LogType } {
  if (file === 'driver.out') return { name: 'driver/stdout.log', type: 'STDOUT' };
  if (file === 'driver.log') return { name: 'driver/stderr.log', type: 'STDERR' };
  // Spark's own words go to stderr where nobody says otherwise.
  return { name: `driver/${file}`, type: 'STDERR' };
}

/** `s3://…/logs/`: what sessions leave of logs where no other place is named. */
export function logDirectory(session: Pick<SessionRow, 'working_directory'>): string {
  return `${session.working_directory}logs/`;
}

/** What of its row says where a session's logs go. */
export interface LoggedSession extends Pick<SessionRow, 'id' | 'working_directory' | 'execution_role'> {
  readonly monitoring_configuration_json?: string | null | undefined;
  readonly encryption_configuration_json?: string | null | undefined;
}

export function logTargets(session: LoggedSession, settings: Pick<SessionSettings, 'eventLogs'>): LogTarget[] {
  const results = encryptionOf(session);
  const {
    S3LoggingConfiguration: s3,
    CloudWatchLoggingConfiguration: cloudWatch,
    ManagedLoggingConfiguration: managed,
  } = JSON.parse(session.monitoring_configuration_json ?? '{}') as MonitoringConfiguration;
  const directory = logDirectory(session);
  const elsewhere = s3?.LogLocation;
  const targets: LogTarget[] = [];
  if (settings.eventLogs) {
    const live = s3?.Enabled === true && !elsewhere;
    targets.push({ directory, ...results, eventLog: true, driver: [], live });
  }
  if (s3?.Enabled) {
    const place = elsewhere ? `${elsewhere.replace(/\/*$/, '/')}sessions/${session.id}/` : directory;
    const encryption = elsewhere || s3.KmsKey ? keyed(s3.KmsKey) : results;
    targets.push({
      directory: place,
      ...encryption,
      eventLog: settings.eventLogs && !!elsewhere,
      driver: ALL_TYPES,
      live: true,
      named: !!elsewhere,
    });
  }
  if (cloudWatch?.Enabled) {
    const { LogGroup: group, LogStreamNamePrefix: prefix, LogTypes: types } = cloudWatch;
    const place = ['cloudwatch', group, prefix].filter((part) => part).join('/');
    const driver = ALL_TYPES.filter((type) => types === undefined || types[DRIVER]?.includes(type));
    targets.push({ directory: `${directory}${place}/`, ...results, eventLog: false, driver, live: true });
  }
  if (managed?.Enabled) {
    const encryption = managed.KmsKey ? keyed(managed.KmsKey) : results;
    targets.push({ directory: `${directory}managed/`, ...encryption, eventLog: false, driver: ALL_TYPES, live: true });
  }
  return targets;
}

/** Without a key: as the bucket has it. */
function keyed(kmsKey: string | undefined): { encryption?: ObjectEncryption } {
  return kmsKey === undefined ? {} : { encryption: { option: 'SSE_KMS', kmsKey } };
}
