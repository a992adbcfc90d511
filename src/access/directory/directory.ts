import type { AccessKey, Identity, Principal } from '../principal.ts';
import { openSecret } from '../secrets.ts';
import { parsePolicy } from '../policies/policy.ts';
import type { AccessDocument, RoleRecord, UserRecord } from './document.ts';

/** A role that sessions can act with. */
export interface Role {
  readonly name: string;
  readonly arn: string;
  readonly id: string;
  readonly identity: Identity;
  /** ARNs of the users who may pass it without a policy of theirs that says so. */
  readonly passableBy: ReadonlySet<string>;
}

/** Users and roles, ready to be asked: policies are read and secrets opened. */
export interface Directory {
  /** Keys that may sign: enabled ones of enabled users, by id. */
  readonly keys: ReadonlyMap<string, AccessKey>;
  /** By ARN. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Whether a role that is none of these is refused. */
  readonly onlyTheseRoles: boolean;
}

export const EMPTY_DIRECTORY: Directory = { keys: new Map(), roles: new Map(), onlyTheseRoles: false };

/** @throws Error when a secret does not open, PolicyError when a policy cannot be read */
export function createDirectory(document: AccessDocument, accountId: string, masterKey: Buffer): Directory {
  const keys = new Map<string, AccessKey>();
  for (const [name, user] of Object.entries(document.users)) {
    if (!user.enabled) continue;
    const principal = userPrincipal(name, user, accountId);
    for (const [accessKeyId, { enabled, secret }] of Object.entries(user.keys)) {
      if (!enabled) continue;
      keys.set(accessKeyId, { accessKeyId, secretAccessKey: openSecret(masterKey, accessKeyId, secret), principal });
    }
  }
  const roles = Object.entries(document.roles).map(([name, role]) => roleOf(name, role, accountId));
  const { onlyTheseRoles } = document;
  return { keys, roles: new Map(roles.map((role) => [role.arn, role])), onlyTheseRoles };
}

export function userArn(accountId: string, name: string): string {
  return `arn:aws:iam::${accountId}:user/${name}`;
}

export function roleArn(accountId: string, name: string, path = '/'): string {
  return `arn:aws:iam::${accountId}:role${path}${name}`;
}

function userPrincipal(name: string, user: UserRecord, accountId: string): Principal {
  const arn = userArn(accountId, name);
  const attributes = new Map([
    ['aws:username', name],
    ['aws:userid', user.id],
    ['aws:principalarn', arn],
    ['aws:principaltype', 'User'],
    ['aws:principalaccount', accountId],
    ...principalTags(user.tags),
  ]);
  return { arn, accountId, kind: 'user', userId: user.id, identity: { policies: policiesOf(user), attributes } };
}

function roleOf(name: string, role: RoleRecord, accountId: string): Role {
  const arn = roleArn(accountId, name, role.path);
  const attributes = new Map([
    ['aws:principalarn', arn],
    ['aws:principaltype', 'AssumedRole'],
    ['aws:principalaccount', accountId],
    ...principalTags(role.tags),
  ]);
  return {
    name,
    arn,
    id: role.id,
    identity: { policies: policiesOf(role), attributes },
    passableBy: new Set(role.passableBy.map((user) => userArn(accountId, user))),
  };
}

function policiesOf({ policies }: Pick<UserRecord, 'policies'>) {
  return Object.values(policies).map(parsePolicy);
}

function principalTags(tags: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(tags).map(([key, value]) => [`aws:principaltag/${key.toLowerCase()}`, value]);
}
