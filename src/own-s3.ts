/** The user's own S3, as settings name it. */
import type { Config } from './config.ts';
import { createExternalRoles, type ExternalRoles } from './objects/external-roles.ts';

export function ownS3Credentials({ s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey }: Config) {
  return accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
}

/** Its roles, where it has an STS. */
export function ownS3Roles(config: Config): ExternalRoles | undefined {
  const { s3StsEndpoint: endpoint, s3Region: region = config.region } = config;
  const credentials = ownS3Credentials(config);
  if (endpoint === undefined || credentials === undefined) return undefined;
  return createExternalRoles({ endpoint, region, credentials });
}
