import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

export interface ExternalRolesOptions {
  /** STS of the user's own S3. */
  readonly endpoint: string;
  readonly region: string;
  /** Of the server itself, which the roles must let assume them. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Keys that act with a role until they end. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** Roles of the user's own S3 (AWS, MinIO, Ceph, …), which its STS gives keys for. */
export interface ExternalRoles {
  /**
   * @param name who acts with the role, as the other side's logs and ARNs show it
   * @throws what STS refused it with
   */
  assume(roleArn: string, name: string, seconds: number): Promise<RoleCredentials>;
  close(): void;
}

/** The least that AWS takes; keys may be renewed sooner. */
const SHORTEST_SECONDS = 900;

export function createExternalRoles(options: ExternalRolesOptions): ExternalRoles {
  const client = new STSClient(options);
  return {
    async assume(roleArn, name, seconds) {
      const DurationSeconds = Math.max(seconds, SHORTEST_SECONDS);
      const { Credentials: keys } = await client.send(
        new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: name, DurationSeconds }),
      );
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = keys ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration)
        throw new Error('STS answered without keys');
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiresAt: Expiration,
      };
    },
    close: () => client.destroy(),
  };
}
