/** The table catalog that sessions share. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Catalog, openCatalog } from '../catalog/catalog.ts';
import { type Config, defaultResultsLocation } from '../config.ts';
import { locateRuntime } from '../runtime/runtime.ts';
import type { SessionsContext } from '../sessions/context.ts';
import { parseS3Uri } from '../sessions/locations.ts';

export function catalogOf(config: Config, logger: Logger): Promise<Catalog> {
  const { java, sparkHome, jars } = locateRuntime();
  return openCatalog({
    folder: join(config.home, 'catalog'),
    databaseUrl: config.catalogUrl,
    java,
    sparkHome,
    jars,
    defaultLocation: defaultResultsLocation(config),
    logger,
  });
}

/** The catalog reaches S3 as sessions do, with keys of its own. */
export function startCatalog(catalog: Catalog, { settings, keys, objects, logger }: SessionsContext): void {
  const { s3, s3Credentials, defaultResultsLocation: location } = settings;
  catalog.start({ ...s3, endpoint: s3.endpoint(), credentials: s3Credentials ?? keys.serviceKey('catalog') });
  // The database `default` lies there, also for workgroups that keep their results in another bucket.
  const { bucket } = parseS3Uri(location);
  objects
    .ensureBucket(bucket)
    .catch((error: unknown) => logger.warn({ err: error, bucket }, 'The bucket of the database default is not there'));
}
