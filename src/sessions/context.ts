import type { Logger } from 'pino';
import type { Realm } from '../access/arns.ts';
import type { KeyRing } from '../access/keys.ts';
import type { Driver, Drivers } from '../drivers/driver.ts';
import type { ExternalRoles } from '../objects/external-roles.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Database } from '../store/store.ts';
import type { WorkGroups } from '../workgroups/workgroups.ts';
import type { Activity } from './activity.ts';
import type { Changes } from './changes.ts';
import type { LogTraffic } from './session-logs.ts';
import type { Quotas } from './quotas.ts';

/** Settings that this room reads. */
export interface SessionSettings {
  /** Ends with `/`. */
  readonly defaultResultsLocation: string;
  readonly sparkMaster: string;
  readonly sparkProperties: Readonly<Record<string, string>>;
  /** Folders of this machine that Spark properties may name. */
  readonly allowedPaths: readonly string[];
  /** Properties by which a session of a workgroup with this results' location uses the shared catalog; none without one. */
  readonly catalogProperties: (resultsLocation: string) => Readonly<Record<string, string>>;
  readonly cores: number;
  /** Of this machine, or of the control group that the server is in. */
  readonly memoryMebibytes: number;
  readonly coresPerDpu: number;
  readonly quotas: Quotas;
  /** Mebibytes that can be had now. */
  readonly availableMemory: () => number;
  readonly retentionDays: number;
  /** How the code in a session reaches S3. */
  readonly s3: { readonly endpoint: () => string; readonly region: string; readonly pathStyle: boolean };
  /** The keys of the user's own S3, which sessions share unless it has roles; with the embedded store each session has its own. */
  readonly s3Credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** The roles of the user's own S3. */
  readonly s3Roles: ExternalRoles | undefined;
  /** The one of them that stands for the server's default role. */
  readonly s3DefaultRole: string | undefined;
  /** How long a session's keys are good. */
  readonly sessionKeySeconds: number;
  /** Whether sessions have event logs. */
  readonly eventLogs: boolean;
  /** How often the logs of sessions that run go to S3. */
  readonly logSeconds: number;
  /** Where the logs of sessions that have ended wait for S3. */
  readonly keptLogs: string;
}

/** What the functions of this room share. Nothing in here is the truth: that is in the rows. */
export interface SessionsContext {
  readonly database: Database;
  readonly drivers: Drivers;
  readonly objects: ObjectStore;
  readonly workGroups: WorkGroups;
  readonly keys: KeyRing;
  readonly realm: Realm;
  readonly settings: SessionSettings;
  readonly logger: Logger;
  /** This server, as the `owner` of rows. */
  readonly serverId: string;
  /** Resolves when every session that an earlier server left has been looked at. */
  recovered: Promise<void>;
  /** Drivers that this process talks to, by session. */
  readonly live: Map<string, Driver>;
  /** When sessions are to get other keys, by session. */
  readonly keyRenewals: Map<string, number>;
  /** Calculations that run here, by session: resolved when what they left is in S3. */
  readonly running: Map<string, Promise<void>>;
  /** Aborted once nothing new is taken any more. */
  readonly draining: AbortController;
  /** Status calls that wait for one. */
  readonly changes: Changes;
  /** Use of sessions other than by calculations. */
  readonly activity: Activity;
  /** Logs on their way to S3. */
  readonly logTraffic: LogTraffic;
  /** Background work that an orderly stop waits for. */
  readonly background: Set<Promise<void>>;
}

export const LEASE_MILLIS = 30_000;

/** Runs work that a reply does not wait for; it handles its own failures, and one that slips through is logged. */
export function inBackground(context: SessionsContext, name: string, work: () => Promise<void>): Promise<void> {
  const promise = work()
    .catch((error: unknown) => context.logger.error({ err: error }, `${name} failed`))
    .finally(() => context.background.delete(promise));
  context.background.add(promise);
  return promise;
}
