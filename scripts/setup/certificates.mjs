import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/** Where operating systems keep the certificates that they trust; the first one there is used. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The certificates that this machine's programs trust: Node's own, the operating system's, and those that the usual
 * variables name.
 * @returns {Buffer[]} in DER form, each once
 */
export function trustedCertificates() {
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PIP_CERT } = process.env;
  const system = SYSTEM_BUNDLES.map(readIfThere).find(Boolean);
  const texts = [...rootCertificates, system, ...[SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, PIP_CERT].map(readIfThere)];
  /** @type {Map<string, Buffer>} */
  const certificates = new Map();
  for (const [pem] of texts.join('\n').matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)) {
    const { raw } = new X509Certificate(pem);
    certificates.set(raw.toString('base64'), raw);
  }
  return [...certificates.values()];
}

/** @param {string | undefined} file */
function readIfThere(file) {
  try {
    return file && readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * A Java key store (JKS, version 2) that trusts these certificates, under the password that Java itself uses for its
 * `cacerts`. Java reads this format wherever it reads a key store.
 * @param {readonly Buffer[]} certificates in DER form
 */
export function trustStore(certificates) {
  /** @type {Buffer[]} */
  const parts = [uint32(0xfeedfeed), uint32(2), uint32(certificates.length)];
  for (const [index, certificate] of certificates.entries()) {
    const trustedEntry = uint32(2);
    const created = Buffer.alloc(8);
    parts.push(trustedEntry, utf(`ca-${index}`), created, utf('X.509'), uint32(certificate.length), certificate);
  }
  const content = Buffer.concat(parts);
  // The format's own seal: SHA-1 over the password in UTF-16, a fixed phrase, and the content.
  const password = Buffer.from('changeit', 'utf16le').swap16();
  const seal = createHash('sha1').update(password).update('Mighty Aphrodite').update(content).digest();
  return Buffer.concat([content, seal]);
}

/** @param {number} value */
function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** @param {string} text */
function utf(text) {
  const bytes = Buffer.alloc(2 + text.length);
  bytes.writeUInt16BE(text.length);
  bytes.write(text, 2, 'latin1');
  return bytes;
}
