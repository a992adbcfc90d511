import { z } from 'zod';
import { PolicyError, parsePolicy } from '../policies/policy.ts';

/** IAM's own characters; the first is a letter or digit. */
const NAME = /^[A-Za-z0-9][\w+=,.@-]{0,63}$/;

const name = z.string().regex(NAME, 'must be 1 to 64 letters, digits or _+=,.@-, the first a letter or digit');
const tags = z.record(z.string().min(1).max(128), z.string().max(256));
const policy = z.unknown().superRefine((document, context) => {
  try {
    parsePolicy(document);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});
const policies = z.record(name, policy);

const key = z.strictObject({
  enabled: z.boolean(),
  createdAt: z.iso.datetime(),
  /** Sealed: see `secrets.ts`. */
  secret: z.string(),
});
const user = z.strictObject({
  id: z.string(),
  enabled: z.boolean(),
  createdAt: z.iso.datetime(),
  tags: tags.default({}),
  policies: policies.default({}),
  keys: z.record(z.string().regex(/^\w{16,128}$/), key).default({}),
});
const role = z.strictObject({
  id: z.string(),
  createdAt: z.iso.datetime(),
  path: z
    .string()
    .regex(/^\/(?:[\x21-\x7e]+\/)?$/, 'must begin and end with a slash')
    .default('/'),
  /** Users who may pass the role without a policy of theirs that says iam:PassRole. */
  passableBy: z.array(name).default([]),
  tags: tags.default({}),
  policies: policies.default({}),
});

const schema = z.strictObject({
  version: z.literal(1),
  users: z.record(name, user).default({}),
  roles: z.record(name, role).default({}),
  /**
   * False: any role ARN stands for the server's default role. True from the first role on, and after the last one too: a session
   * must not gain rights because its role goes.
   */
  onlyTheseRoles: z.boolean().default(false),
});

/** Users and roles as the access file has them. */
export type AccessDocument = z.output<typeof schema>;
export type UserRecord = z.output<typeof user>;
export type RoleRecord = z.output<typeof role>;
export type KeyRecord = z.output<typeof key>;

export const EMPTY_DOCUMENT: AccessDocument = { version: 1, users: {}, roles: {}, onlyTheseRoles: false };

/** What the access file says cannot be; `message` names the place. */
export class AccessDocumentError extends Error {
  override readonly name = 'AccessDocumentError';
}

/** @throws AccessDocumentError */
export function parseAccessDocument(text: string): AccessDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AccessDocumentError(`not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AccessDocumentError(
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('\n'),
  );
}

/** @throws AccessDocumentError for a name that IAM would not take */
export function checkName(text: string): string {
  const parsed = name.safeParse(text);
  if (parsed.success) return text;
  throw new AccessDocumentError(`${JSON.stringify(text)}: the name ${parsed.error.issues[0]?.message}.`);
}
