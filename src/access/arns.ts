import { InvalidRequestException } from '../errors.ts';

/** Where this server stands: what its ARNs begin with. */
export interface Realm {
  readonly region: string;
  readonly accountId: string;
}

/** A resource of Athena's that has an ARN here. */
export type AthenaResource =
  | { readonly type: 'workgroup'; readonly workGroup: string }
  | { readonly type: 'session'; readonly workGroup: string; readonly sessionId: string };

export function workGroupArn(realm: Realm, workGroup: string): string {
  return `arn:aws:athena:${realm.region}:${realm.accountId}:workgroup/${workGroup}`;
}

export function sessionArn(realm: Realm, workGroup: string, sessionId: string): string {
  return `${workGroupArn(realm, workGroup)}/session/${sessionId}`;
}

/** The role that sessions act with where neither the call nor the workgroup names one. */
export function defaultExecutionRole({ accountId }: Pick<Realm, 'accountId'>): string {
  return `arn:aws:iam::${accountId}:role/ParthenonDefaultExecutionRole`;
}

/**
 * @returns the resource, whether or not it exists
 * @throws InvalidRequestException for an ARN of another service, account, region or form
 */
export function parseAthenaArn(realm: Realm, arn: string): AthenaResource {
  const match = /^arn:aws[a-z-]*:athena:([^:]*):([^:]*):workgroup\/([^/]+)(?:\/session\/([^/]+))?$/.exec(arn);
  const [, region, account, workGroup, sessionId] = match ?? [];
  if (workGroup === undefined || region !== realm.region || account !== realm.accountId) {
    throw new InvalidRequestException(`Invalid resource ARN: ${arn}`);
  }
  return sessionId === undefined ? { type: 'workgroup', workGroup } : { type: 'session', workGroup, sessionId };
}
