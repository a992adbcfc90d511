import type { Policy } from './policies/policy.ts';

/** What policies know of a caller, and say of them. Made once for each state of the access file. */
export interface Identity {
  readonly policies: readonly Policy[];
  /** Condition keys about the caller, in lower case: `aws:username`, `aws:principaltag/team`, … */
  readonly attributes: ReadonlyMap<string, string>;
}

/** Who makes a call: what a verified signature proves. */
export interface Principal {
  /**
   * `arn:aws:iam::<account>:root` for the administrator, `arn:aws:iam::<account>:user/<name>` for a user,
   * `arn:aws:sts::<account>:assumed-role/<role>/<session id>` for a session, `…/<role>/<role session name>` for who assumed a role.
   */
  readonly arn: string;
  readonly accountId: string;
  /**
   * `administrator` may do everything. A `user` may do what their policies say. `session` is the code inside one session, or the
   * server's catalog: what the policies of the session's role say where that role is configured, else S3 and nothing else. A `role`
   * is whoever assumed one, by STS: what its policies say.
   */
  readonly kind: 'administrator' | 'user' | 'session' | 'role';
  /** IAM's id, as GetCallerIdentity tells it; the account's where there is none. */
  readonly userId?: string;
  /** Set for the code inside a session. */
  readonly sessionId?: string;
  readonly identity?: Identity;
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
  /** @param sessionToken what came with the request: of a temporary key it says all that is to be known */
  find(accessKeyId: string, sessionToken?: string): Promise<AccessKey | undefined>;
}
