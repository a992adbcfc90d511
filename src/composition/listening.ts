/** Where the server listens, with which certificate, and where it says who called. */
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { keptPort } from '../catalog/port.ts';
import { type Config, ConfigError } from '../config.ts';
import { type Audit, fileAudit, stdoutAudit } from '../wire/audit.ts';
import type { WireServer } from '../wire/server.ts';
import { certifiedHost, readTlsIdentity, type TlsFiles, type TlsIdentity, watchTlsFiles } from '../wire/tls.ts';

/** @returns the endpoint as clients of this machine reach it */
export async function listen(server: WireServer, config: Config, tls: TlsIdentity | undefined): Promise<string> {
  try {
    const { port } = await server.listen(config.port, config.host);
    const host =
      { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[config.host] ??
      (config.host.includes(':') ? `[${config.host}]` : config.host);
    return tls === undefined ? `http://${host}:${port}` : `https://${certifiedHost(tls, host)}:${port}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ConfigError(
        `Port ${config.port} is in use. Choose another with --port or PARTHENON_PORT; 0 takes a free one.`,
      );
    }
    throw error;
  }
}

/** The same port after a restart, for sessions that outlive it. @returns the endpoint of this machine's own sessions */
export async function listenPlainly(server: WireServer, config: Config): Promise<string> {
  return `http://127.0.0.1:${await server.listenPlainly(await keptPort(join(config.home, 'sessions-port')))}`;
}

export function tlsFilesOf({ tlsCertificate: certificate, tlsKey: key }: Config): TlsFiles | undefined {
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

export function readTls(files: TlsFiles): TlsIdentity {
  try {
    return readTlsIdentity(files);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

export function watchTls(files: TlsFiles, server: WireServer, logger: Logger): () => void {
  return watchTlsFiles(
    files,
    (identity) => {
      server.changeTls(identity);
      logger.info({ certificate: files.certificate }, 'New connections see the new certificate');
    },
    (error) => logger.error({ err: error }, 'The changed certificate cannot be used: the one of before goes on'),
  );
}

export function auditOf({ audit }: Config, logger: Logger): Audit | undefined {
  if (audit === 'off') return undefined;
  if (audit === 'stdout') return stdoutAudit();
  try {
    return fileAudit(resolve(audit), logger);
  } catch (error) {
    throw new ConfigError(`PARTHENON_AUDIT: ${(error as Error).message}`);
  }
}
