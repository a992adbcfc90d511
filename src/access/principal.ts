/** Who makes a call: what a verified signature proves. */
export interface Principal {
  /** `arn:aws:iam::<account>:root` for the administrator, `arn:aws:sts::<account>:assumed-role/<role>/<session id>` for a session. */
  readonly arn: string;
  readonly accountId: string;
  /** `administrator` may do everything; `session` is the code inside one session, or the server's catalog, which reach S3 and nothing else. */
  readonly kind: 'administrator' | 'session';
  /** Set for the code inside a session. */
  readonly sessionId?: string;
}

/** A key pair that signs requests. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Temporary keys only: the `X-Amz-Security-Token` that must come with every request. */
  readonly sessionToken?: string;
  readonly expiresAt?: Date;
  readonly principal: Principal;
}

/** Finds a key by its id; `undefined` for one that does not exist (any more). */
export interface AccessKeys {
  find(accessKeyId: string): Promise<AccessKey | undefined>;
}
