import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate that vouches for itself, with its key: PEM both. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MILLIS = 86_400_000;
const OIDS = {
  commonName: [2, 5, 4, 3],
  ecdsaWithSha256: [1, 2, 840, 10045, 4, 3, 2],
  basicConstraints: [2, 5, 29, 19],
  subjectAlternativeName: [2, 5, 29, 17],
} as const;

/**
 * Makes a certificate for a day, without a program that may not be there: X.509 in DER, by hand (RFC 5280).
 * @param names that it is good for; addresses are IPv4
 */
export function makeCertificate(
  names: { dns?: readonly string[]; ip?: readonly string[] } = { ip: ['127.0.0.1'] },
): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(set(sequence(oid(OIDS.commonName), utf8('parthenon.test'))));
  const validity = sequence(time(Date.now() - DAY_MILLIS), time(Date.now() + DAY_MILLIS));
  const body = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm(),
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(isAuthority(), alternativeNames(names))),
  );
  const certificate = sequence(body, algorithm(), bits(signatureOf(body, privateKey)));
  return {
    certificate: pem(certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Lines of 64, and none that is empty. */
function pem(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Clients take it for what vouches for the server, too. */
function isAuthority(): Buffer {
  const isTrue = der(0x01, Buffer.of(0xff));
  return sequence(oid(OIDS.basicConstraints), isTrue, der(0x04, sequence(isTrue)));
}

function alternativeNames({ dns = [], ip = [] }: { dns?: readonly string[]; ip?: readonly string[] }): Buffer {
  const names = [
    ...dns.map((name) => der(0x82, Buffer.from(name))),
    ...ip.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  return sequence(oid(OIDS.subjectAlternativeName), der(0x04, sequence(...names)));
}

function signatureOf(body: Buffer, key: KeyObject): Buffer {
  return sign('sha256', body, key);
}

const algorithm = (): Buffer => sequence(oid(OIDS.ecdsaWithSha256));
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const set = (...parts: readonly Buffer[]): Buffer => der(0x31, ...parts);
const explicit = (tag: number, part: Buffer): Buffer => der(0xa0 + tag, part);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
const bits = (bytes: Buffer): Buffer => der(0x03, Buffer.of(0), bytes);
const time = (millis: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(millis).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const arcs = rest.flatMap((arc) => {
    const septets = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    return septets;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...arcs]));
}

/** Tag, length, value. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const length =
    value.length < 0x80
      ? [value.length]
      : value.length < 0x100
        ? [0x81, value.length]
        : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), value]);
}
