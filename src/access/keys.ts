import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHome } from '../home.ts';
import { defaultExecutionRole } from './arns.ts';
import { accessFile } from './directory/access-file.ts';
import type { Role } from './directory/directory.ts';
import { LiveDirectory } from './directory/live-directory.ts';
import { newId } from './ids.ts';
import type { AccessKey, AccessKeys, Principal } from './principal.ts';
import { writePrivately } from './private-files.ts';
import { type TemporaryKey, TemporaryKeys } from './temporary-keys.ts';

const LOOK_MILLIS = 1000;

/** Where a session stands when its key is looked up. */
export interface SessionKeyOwner {
  readonly sessionId: string;
  readonly executionRole: string;
}

export interface KeyRingOptions {
  readonly home: string;
  readonly accountId: string;
  /** The administrator's pair, where settings give one. */
  readonly administrator?: KeyPair | undefined;
  /** The session, while it is active; `undefined` once it has ended, which is how its keys are revoked. */
  readonly findSession: (sessionId: string) => Promise<SessionKeyOwner | undefined>;
  /** The same, by the one key that sessions had which an earlier version started; they may run still. */
  readonly findSessionOfKey?: (accessKeyId: string) => Promise<SessionKeyOwner | undefined>;
  /** Told when the access file has become unusable, and the users and roles of before go on. */
  readonly onAccessProblem?: ((error: Error) => void) | undefined;
}

/**
 * The server's keys. The administrator's pair lies in PARTHENON_HOME as AWS's own `credentials` file. Sessions, and whoever assumes
 * a role, have temporary keys, which are stored nowhere: they are derived and sealed under a master key that lies outside the state
 * database, so a copy of the database signs nothing. Users' keys come from the access file, their secrets sealed under it too.
 */
export class KeyRing implements AccessKeys {
  readonly administrator: AccessKey;
  readonly #masterKey: Buffer;
  readonly #accountId: string;
  readonly #findSession: KeyRingOptions['findSession'];
  readonly #findSessionOfKey: KeyRingOptions['findSessionOfKey'];
  readonly #temporary: TemporaryKeys;
  readonly #directory: LiveDirectory;
  /** Of this process's own parts, by key id. */
  readonly #services = new Map<string, AccessKey>();

  constructor(options: KeyRingOptions) {
    this.#accountId = options.accountId;
    this.#findSession = options.findSession;
    this.#findSessionOfKey = options.findSessionOfKey;
    const pair = administratorKeys(options.home, options.administrator);
    this.administrator = { ...pair, principal: administratorOf(options.accountId) };
    this.#masterKey = masterKeyOf(options.home);
    this.#temporary = new TemporaryKeys(this.#masterKey);
    this.#directory = new LiveDirectory({
      file: accessFile(options.home),
      accountId: options.accountId,
      masterKey: this.#masterKey,
      onProblem: options.onAccessProblem ?? (() => undefined),
    });
  }

  /** Looks at the access file also while nobody calls. @returns what ends that */
  watchAccessFile(): () => void {
    return this.#directory.watch(LOOK_MILLIS);
  }

  /** The configured role of this ARN. */
  role(arn: string): Role | undefined {
    return this.#directory.current().roles.get(arn);
  }

  /** Whether roles are configured: from then on, one that is not is refused. */
  get onlyKnownRoles(): boolean {
    return this.#directory.current().onlyTheseRoles;
  }

  async find(accessKeyId: string, sessionToken?: string): Promise<AccessKey | undefined> {
    if (accessKeyId === this.administrator.accessKeyId) return this.administrator;
    const service = this.#services.get(accessKeyId);
    if (service !== undefined) return service;
    const user = this.#directory.current().keys.get(accessKeyId);
    if (user !== undefined) return user;
    if (sessionToken !== undefined) return await this.#findTemporary(accessKeyId, sessionToken);
    const session = await this.#findSessionOfKey?.(accessKeyId);
    return session && { ...this.#derivedKey(accessKeyId), principal: this.sessionPrincipal(session) };
  }

  /** A key of a session's own, good for so long if the session is. */
  issueSessionKey(sessionId: string, seconds: number): TemporaryKey {
    return this.#temporary.issue({ session: sessionId }, seconds);
  }

  /** A key of somebody who acts with a role, and who they are then. */
  issueRoleKey(role: Role, name: string, seconds: number): TemporaryKey & { readonly principal: Principal } {
    const key = this.#temporary.issue({ role: role.arn, roleId: role.id, name }, seconds);
    return { ...key, principal: this.#assumedRole(role, name) };
  }

  async #findTemporary(accessKeyId: string, sessionToken: string): Promise<AccessKey | undefined> {
    const key = this.#temporary.open(accessKeyId, sessionToken);
    if (key === undefined) return undefined;
    const { grant } = key;
    if ('session' in grant) {
      const session = await this.#findSession(grant.session);
      return session && { ...key, principal: this.sessionPrincipal(session) };
    }
    const role = this.role(grant.role);
    return role?.id === grant.roleId ? { ...key, principal: this.#assumedRole(role, grant.name) } : undefined;
  }

  #assumedRole(role: Role, name: string): Principal {
    const accountId = this.#accountId;
    const arn = `arn:aws:sts::${accountId}:assumed-role/${role.name}/${name}`;
    return { arn, accountId, kind: 'role', ...identityOf(role, name) };
  }

  /** Who the code of a session is. */
  sessionPrincipal({ executionRole, sessionId }: SessionKeyOwner): Principal {
    const accountId = this.#accountId;
    const arn = `arn:aws:sts::${accountId}:assumed-role/${executionRole.split('/').at(-1)}/${sessionId}`;
    const principal: Principal = { arn, accountId, kind: 'session', sessionId };
    const { roles, onlyTheseRoles } = this.#directory.current();
    const role = roles.get(executionRole);
    if (role !== undefined) return { ...principal, ...identityOf(role, sessionId) };
    // A role that was removed leaves its sessions with nothing.
    const reachesAll = !onlyTheseRoles || executionRole === defaultExecutionRole({ accountId });
    return reachesAll ? principal : { ...principal, identity: { policies: [], attributes: new Map() } };
  }

  #derivedKey(accessKeyId: string): KeyPair {
    const secretAccessKey = createHmac('sha256', this.#masterKey)
      .update(`session/${accessKeyId}`)
      .digest('base64')
      .slice(0, 40);
    return { accessKeyId, secretAccessKey };
  }

  /** A key of its own for a part of the server that signs or seals something; the same after a restart. */
  derivedKey(use: string): Buffer {
    return createHmac('sha256', this.#masterKey).update(`server/${use}`).digest();
  }

  /**
   * A new pair for a part of the server, which reaches what a session's does: S3 and nothing else. It is good while this
   * key ring is: a copy of it is worth nothing after the server's end.
   */
  serviceKey(service: string): { accessKeyId: string; secretAccessKey: string } {
    const pair = this.#derivedKey(newAccessKeyId());
    this.#services.set(pair.accessKeyId, { ...pair, principal: servicePrincipal(this.#accountId, service) });
    return pair;
  }
}

/** A pair as it stands in AWS's `credentials` file. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * The administrator's pair: the given one, which is then kept in `home`, else the one that is kept there, else a new one.
 * @throws Error when the file is damaged, with what to do
 */
export function administratorKeys(home: string, given?: KeyPair): KeyPair {
  makeHome(home);
  const file = join(home, 'credentials');
  if (given === undefined) return readOrMake(file, newCredentialsFile, parseCredentialsFile);
  writePrivately(file, credentialsFile(given));
  return given;
}

/** The key that the others are derived from and sealed under: 32 bytes in a file of their own, made when it is not there. */
export function masterKeyOf(home: string): Buffer {
  makeHome(home);
  return readOrMake(
    join(home, 'master.key'),
    () => randomBytes(32).toString('hex'),
    (text) => Buffer.from(text.trim(), 'hex'),
  );
}

/** A fresh id in AWS's form: `AKIA` and 16 letters and digits. */
export function newAccessKeyId(): string {
  return newId('AKIA');
}

/** 40 characters, as long as AWS's; none that a shell or an INI file would read. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString('base64').replaceAll('+', 'A');
}

/** Writes AWS's own `config` file, so that `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` are all a client needs. */
export function writeAwsConfig(home: string, region: string, endpoint: string): void {
  const lines = [
    '[default]',
    `region = ${region}`,
    `endpoint_url = ${endpoint}`,
    's3 =',
    '  addressing_style = path',
    '',
  ];
  writePrivately(join(home, 'config'), lines.join('\n'));
}

/** Who acts with a role: its rights, under an id of their own. */
function identityOf(role: Role, name: string): Required<Pick<Principal, 'userId' | 'identity'>> {
  const userId = `${role.id}:${name}`;
  const attributes = new Map([...role.identity.attributes, ['aws:userid', userId]]);
  return { userId, identity: { ...role.identity, attributes } };
}

function administratorOf(accountId: string): Principal {
  return { arn: `arn:aws:iam::${accountId}:root`, accountId, kind: 'administrator' };
}

function servicePrincipal(accountId: string, service: string): Principal {
  return { arn: `arn:aws:sts::${accountId}:assumed-role/Parthenon/${service}`, accountId, kind: 'session' };
}

function newCredentialsFile(): string {
  return credentialsFile({
    accessKeyId: newAccessKeyId(),
    secretAccessKey: newSecretAccessKey(),
  });
}

function credentialsFile(pair: KeyPair): string {
  return `[default]\naws_access_key_id = ${pair.accessKeyId}\naws_secret_access_key = ${pair.secretAccessKey}\n`;
}

function parseCredentialsFile(text: string): KeyPair {
  const accessKeyId = /^aws_access_key_id\s*=\s*(\S+)$/m.exec(text)?.[1];
  const secretAccessKey = /^aws_secret_access_key\s*=\s*(\S+)$/m.exec(text)?.[1];
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error('The credentials file in PARTHENON_HOME is damaged; remove it to have new keys made.');
  }
  return { accessKeyId, secretAccessKey };
}

function readOrMake<T>(path: string, make: () => string, parse: (text: string) => T): T {
  if (!existsSync(path)) writePrivately(path, make());
  chmodSync(path, 0o600);
  return parse(readFileSync(path, 'utf8'));
}

/** What a client needs in its environment, in the order that it is printed. */
export function clientEnvironment(pair: KeyPair, region: string, endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: pair.accessKeyId,
    AWS_SECRET_ACCESS_KEY: pair.secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
  };
}

/** The endpoint of the last start, from the `config` file that it wrote. */
export function lastEndpoint(home: string): string | undefined {
  const path = join(home, 'config');
  return existsSync(path) ? /^endpoint_url\s*=\s*(\S+)$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
}
