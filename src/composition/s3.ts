/** S3: the user's own, as settings name it, or the embedded store. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { KeyRing } from '../access/keys.ts';
import type { Config } from '../config.ts';
import { EmbeddedStore } from '../objects/embedded/embedded-store.ts';
import { createEmbeddedObjectStore } from '../objects/embedded-object-store.ts';
import { createExternalObjectStore } from '../objects/external.ts';
import { createExternalRoles, type ExternalRoles } from '../objects/external-roles.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { RateLimit } from '../wire/rate-limit.ts';
import { createS3Handler } from '../wire/s3/handler.ts';
import { createSignatureVerifier } from '../wire/sigv4.ts';

/** The user's own S3 where settings name one, else the embedded store; then no other is running. */
export async function openObjects(config: Config): Promise<{ store: ObjectStore; embedded?: EmbeddedStore }> {
  const { s3Endpoint: endpoint } = config;
  const credentials = ownS3Credentials(config);
  if (endpoint !== undefined && credentials !== undefined) {
    const region = config.s3Region ?? config.region;
    return { store: createExternalObjectStore({ endpoint, region, pathStyle: config.s3PathStyle, credentials }) };
  }
  const embedded = await EmbeddedStore.open(join(config.home, 'objects'));
  return { store: createEmbeddedObjectStore(embedded), embedded };
}

export function s3Handler(config: Config, keys: KeyRing, store: EmbeddedStore, logger: Logger) {
  const { region, virtualHosts, s3RequestRate } = config;
  const rate = new RateLimit(s3RequestRate);
  const verifier = createSignatureVerifier({ keys, region, services: ['s3'], rate });
  return createS3Handler({ store, verifier, keys, region, virtualHosts, logger });
}

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
