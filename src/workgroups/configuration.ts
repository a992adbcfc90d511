import type {
  ResultConfiguration,
  ResultConfigurationUpdates,
  WorkGroupConfiguration,
  WorkGroupConfigurationUpdates,
} from '@aws-sdk/client-athena';
import { InvalidRequestException } from '../errors.ts';
import { resolveEngineVersion } from './engine-versions.ts';

/** A new workgroup's configuration with AWS's defaults for what it leaves out. */
export function newConfiguration(requested: WorkGroupConfiguration = {}): WorkGroupConfiguration {
  const configuration: WorkGroupConfiguration = {
    EnforceWorkGroupConfiguration: true,
    PublishCloudWatchMetricsEnabled: true,
    RequesterPaysEnabled: false,
    ...requested,
    EngineVersion: resolveEngineVersion(requested.EngineVersion),
  };
  return checked(configuration);
}

/**
 * Applies UpdateWorkGroup's `ConfigurationUpdates`: what is there replaces, `Remove…: true` takes away, the rest stays.
 * @throws InvalidRequestException for a value that cannot be
 */
export function updatedConfiguration(
  current: WorkGroupConfiguration,
  updates: WorkGroupConfigurationUpdates,
): WorkGroupConfiguration {
  const {
    ResultConfigurationUpdates: resultUpdates,
    ManagedQueryResultsConfigurationUpdates: managedUpdates,
    RemoveBytesScannedCutoffPerQuery: removeCutoff,
    RemoveCustomerContentEncryptionConfiguration: removeContentEncryption,
    EngineVersion: engineVersion,
    ...replacements
  } = updates;
  const next: WorkGroupConfiguration = { ...current, ...withoutUndefined(replacements) };
  if (engineVersion !== undefined) next.EngineVersion = resolveEngineVersion(engineVersion);
  if (resultUpdates !== undefined)
    next.ResultConfiguration = updatedResults(current.ResultConfiguration, resultUpdates);
  if (managedUpdates !== undefined) {
    const { RemoveEncryptionConfiguration: removeEncryption, ...managed } = managedUpdates;
    next.ManagedQueryResultsConfiguration = {
      Enabled: false,
      ...current.ManagedQueryResultsConfiguration,
      ...withoutUndefined(managed),
    };
    if (removeEncryption) next.ManagedQueryResultsConfiguration.EncryptionConfiguration = undefined;
  }
  if (removeCutoff) next.BytesScannedCutoffPerQuery = undefined;
  if (removeContentEncryption) next.CustomerContentEncryptionConfiguration = undefined;
  return checked(next);
}

function updatedResults(current: ResultConfiguration = {}, updates: ResultConfigurationUpdates): ResultConfiguration {
  const {
    RemoveOutputLocation: removeLocation,
    RemoveEncryptionConfiguration: removeEncryption,
    RemoveExpectedBucketOwner: removeOwner,
    RemoveAclConfiguration: removeAcl,
    ...replacements
  } = updates;
  const next: ResultConfiguration = { ...current, ...withoutUndefined(replacements) };
  if (removeLocation) next.OutputLocation = undefined;
  if (removeEncryption) next.EncryptionConfiguration = undefined;
  if (removeOwner) next.ExpectedBucketOwner = undefined;
  if (removeAcl) next.AclConfiguration = undefined;
  return next;
}

function checked(configuration: WorkGroupConfiguration): WorkGroupConfiguration {
  const location = configuration.ResultConfiguration?.OutputLocation;
  if (location && !/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/i.test(location)) {
    throw new InvalidRequestException(`outputLocation is not a valid S3 path. Provided: ${location}`);
  }
  const encryption = configuration.ResultConfiguration?.EncryptionConfiguration;
  if (encryption?.EncryptionOption === 'CSE_KMS') {
    throw new InvalidRequestException('CSE_KMS is not supported for calculation results; use SSE_S3 or SSE_KMS.');
  }
  return configuration;
}

function withoutUndefined<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
