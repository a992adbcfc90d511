/** What of this machine a driver in a sandbox sees: programs and libraries, read-only, and nothing of anybody's. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** A part of the sandbox's file system, in the order in which bubblewrap makes them. */
export type Mount =
  | { readonly kind: 'read-only'; readonly path: string; readonly from: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string };

/** Folders of the system itself, and what some distributions have in their place. */
const SYSTEM = ['/usr', '/nix/store', '/run/current-system'];
/** Links to `/usr`, or folders of their own. */
const BESIDE_USR = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * Of `/etc` what programs need to find names, libraries, certificates and fonts. By name, not all but some: a server that runs as
 * root could read the passwords and private keys beside them, and its sessions with it.
 */
const SETTINGS = [
  ...['passwd', 'group', 'hosts', 'hostname', 'host.conf', 'nsswitch.conf', 'gai.conf', 'protocols', 'services'],
  ...['localtime', 'timezone', 'os-release', 'locale.alias', 'locale.conf', 'mime.types', 'krb5.conf'],
  ...['ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'alternatives', 'fonts', 'crypto-policies'],
  ...['ssl/certs', 'ssl/cert.pem', 'ssl/openssl.cnf', 'ca-certificates', 'ca-certificates.conf'],
  ...['pki/tls/certs', 'pki/tls/cert.pem', 'pki/ca-trust', 'pki/java'],
];
/** Debian's Java reads its security settings here. */
const JAVA_SETTINGS = /^(java|jvm)/;

const RESOLVER = '/etc/resolv.conf';
/** The names of processors are no secret, and libraries count them here. */
const PROCESSORS = '/sys/devices/system/cpu';
const MOST_LINKS = 40;

/** The operating system. What is not there is left out. */
export function systemMounts(): Mount[] {
  const etc = [...SETTINGS, ...list('/etc').filter((name) => JAVA_SETTINGS.test(name))].map((name) => `/etc/${name}`);
  return [...SYSTEM, ...BESIDE_USR, ...etc, ...pipSettingsFile(), PROCESSORS].flatMap(asItIs).concat(resolver());
}

/** Read-only, under its own name; nothing for what is not there. A link of the system's own stays one. */
function asItIs(each: string): Mount[] {
  const target = linkTarget(each);
  if (target !== undefined && BESIDE_USR.includes(each)) return [{ kind: 'link', path: each, to: target }];
  return readOnly(each);
}

/** A file or folder under its own name, whatever links lead there. */
export function readOnly(each: string): Mount[] {
  const from = realPath(each);
  return from === undefined ? [] : [{ kind: 'read-only', path: path.resolve(each), from }];
}

/**
 * A program and what it needs beside itself: of Python its library, of Java all of its folder.
 * @param program e.g. `…/environment/bin/python`, which may be a link to a link
 * @param beside what of the folder above its `bin` it needs; all unless told
 */
export function programMounts(program: string, beside?: readonly string[]): Mount[] {
  const real = realpathSync(program);
  const home = path.dirname(path.dirname(real));
  const needed = beside?.flatMap((name) => readOnly(path.join(home, name))) ?? readOnly(home);
  return [...needed, ...linksTo(program, real)];
}

/** The links by which a program is called: the last one leads to where it really is. */
function linksTo(program: string, real: string): Mount[] {
  const links: Mount[] = [];
  let at = path.resolve(program);
  for (let steps = 0; at !== real && steps < MOST_LINKS; steps++) {
    const target = linkTarget(at);
    const next = target === undefined ? real : path.resolve(path.dirname(at), target);
    links.push({ kind: 'link', path: at, to: next });
    at = next;
  }
  return links;
}

/** Where names of hosts are asked for. systemd's own folder, for it writes the file anew when the network is another. */
function resolver(): Mount[] {
  const real = realPath(RESOLVER);
  if (real === undefined) return [];
  if (!real.startsWith('/run/systemd/resolve/')) return readOnly(RESOLVER);
  return [...readOnly(path.dirname(real)), { kind: 'link', path: RESOLVER, to: real }];
}

/** Where pip's packages come from; a file that names a user or a password is kept from sessions. */
function pipSettingsFile(): string[] {
  try {
    return /\/\/[^/\s]*@/.test(readFileSync('/etc/pip.conf', 'utf8')) ? [] : ['/etc/pip.conf'];
  } catch {
    return [];
  }
}

/** Whether one of these folders shows what lies at the path. */
export function isBelow(each: string, folders: readonly string[]): boolean {
  return folders.some((folder) => each === folder || each.startsWith(folder === '/' ? '/' : folder + path.sep));
}

export function realPath(each: string): string | undefined {
  try {
    return realpathSync(each);
  } catch {
    return undefined;
  }
}

function linkTarget(each: string): string | undefined {
  try {
    return lstatSync(each).isSymbolicLink() ? readlinkSync(each) : undefined;
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
