/** What sessions and their drivers are told of the settings. */
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Catalog } from '../catalog/catalog.ts';
import { type Config, defaultResultsLocation } from '../config.ts';
import type { DriversOptions } from '../drivers/drivers.ts';
import { availableMemoryMebibytes, memoryLimitMebibytes } from '../machine-memory.ts';
import type { ExternalRoles } from '../objects/external-roles.ts';
import { driverJars, locateRuntime } from '../runtime/runtime.ts';
import { standardSession } from '../sessions/assignment.ts';
import type { SessionSettings } from '../sessions/context.ts';
import { IDLE_DRIVER_MEBIBYTES } from '../sessions/footprint.ts';
import { ownS3Credentials } from './s3.ts';
import { limitsOf, sandboxOf } from './sandbox.ts';

export async function driverOptions(
  config: Config,
  settings: SessionSettings,
  logger: Logger,
): Promise<DriversOptions> {
  const runtime = locateRuntime();
  const sandbox = await sandboxOf(config, runtime, logger);
  return {
    python: runtime.python,
    java: runtime.java,
    sparkHome: runtime.sparkHome,
    jars: driverJars(runtime),
    classData: runtime.classData,
    sandbox,
    limits: limitsOf(config),
    ivyCache: sandbox === undefined ? resolve(config.home, 'ivy') : null,
    folder: join(config.home, 'drivers'),
    poolSize: config.poolSize,
    memoryAllows: () => availableMemoryMebibytes() >= config.minFreeMemory + IDLE_DRIVER_MEBIBYTES,
    standard: standardSession(settings),
    startTimeoutMs: config.sessionStartSeconds * 1000,
    interruptGraceMs: config.interruptGraceSeconds * 1000,
    keptLogs: settings.keptLogs,
    logger,
  };
}

export function sessionSettings(
  config: Config,
  endpoint: () => string,
  catalog: Catalog | undefined,
  s3Roles: ExternalRoles | undefined,
): SessionSettings {
  const { s3Endpoint } = config;
  return {
    defaultResultsLocation: defaultResultsLocation(config),
    sparkMaster: config.sparkMaster,
    sparkProperties: config.sparkProperties,
    allowedPaths: config.allowedPaths,
    catalogProperties: (resultsLocation) => catalog?.sparkProperties(resultsLocation) ?? {},
    cores: config.cores,
    memoryMebibytes: memoryLimitMebibytes(),
    coresPerDpu: config.coresPerDpu,
    quotas: config,
    availableMemory: availableMemoryMebibytes,
    retentionDays: config.retentionDays,
    s3: {
      endpoint: () => s3Endpoint ?? endpoint(),
      region: s3Endpoint === undefined ? config.region : (config.s3Region ?? config.region),
      pathStyle: s3Endpoint === undefined ? true : config.s3PathStyle,
    },
    s3Credentials: ownS3Credentials(config),
    s3Roles,
    s3DefaultRole: config.s3DefaultRole,
    sessionKeySeconds: config.sessionKeySeconds,
    eventLogs: config.eventLogs,
    logSeconds: config.logSeconds,
    keptLogs: resolve(config.home, 'logs-to-send'),
  };
}
