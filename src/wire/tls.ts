import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';

/** What a TLS server shows and proves: PEM, the server's certificate first, those that vouch for it after it. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** How often the files are looked at: certificates are renewed days before their end. */
const LOOK_MILLIS = 2_000;

/** @throws Error with the setting's name when a file cannot be read, or the key is not the certificate's */
export function readTlsIdentity({ certificate, key }: TlsFiles): TlsIdentity {
  const identity = { cert: read('tlsCertificate', certificate), key: read('tlsKey', key) };
  try {
    const belong = new X509Certificate(identity.cert).checkPrivateKey(createPrivateKey(identity.key));
    if (belong) createSecureContext(identity);
    else throw new Error('the key is not the one of the certificate');
  } catch (error) {
    throw new Error(`tlsCertificate ${certificate} and tlsKey ${key} cannot be used: ${(error as Error).message}`);
  }
  return identity;
}

/**
 * The name by which clients reach a server so that its certificate holds: the address that it listens on where the certificate
 * names that, else the first name in the certificate.
 * @param host as it stands in a URL: an IPv6 address in brackets
 */
export function certifiedHost({ cert }: TlsIdentity, host: string): string {
  const certificate = new X509Certificate(cert);
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const holds = isIP(address) === 0 ? certificate.checkHost(host) : certificate.checkIP(address);
  if (holds !== undefined) return host;
  const names = certificate.subjectAltName?.matchAll(/DNS:([^,\s"]+)/g) ?? [];
  return [...names].map(([, name = '']) => name).find((name) => !name.startsWith('*')) ?? host;
}

/**
 * Reads the files again when one has changed. A pair that is not usable, as one that is half written, is told and not taken; the
 * next change is looked at again.
 * @returns what ends the watch
 */
export function watchTlsFiles(
  files: TlsFiles,
  onChange: (identity: TlsIdentity) => void,
  onProblem: (error: Error) => void,
  lookMillis = LOOK_MILLIS,
): () => void {
  let seen = versionOf(files);
  const timer = setInterval(() => {
    const version = versionOf(files);
    if (version === seen) return;
    seen = version;
    try {
      onChange(readTlsIdentity(files));
    } catch (error) {
      onProblem(error as Error);
    }
  }, lookMillis);
  timer.unref();
  return () => clearInterval(timer);
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${setting}: ${(error as Error).message}`);
  }
}

/** Follows links, by which renewed certificates often come. */
function versionOf({ certificate, key }: TlsFiles): string {
  return [certificate, key]
    .map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? 'none' : `${stat.ino}.${stat.size}.${stat.mtimeNs}`))
    .join(' ');
}
