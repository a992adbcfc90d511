import { createHash } from 'node:crypto';
import { InvalidRequestException } from '../errors.ts';
import type { Database } from './store.ts';
import { takeTurn } from './turns.ts';

/** What a request with a token did when it first came. */
export interface EarlierRequest {
  readonly resourceId: string;
  /** The state that its reply told; null while none has gone out. */
  readonly replyState: string | null;
}

/**
 * What a ClientRequestToken started before, if anything. Another request with the token waits here until this transaction
 * has ended.
 *
 * @param parameters the whole request: the token is only good for the same one
 * @throws InvalidRequestException when the token came with other parameters
 */
export async function findByRequestToken(
  transaction: Database,
  operation: string,
  token: string,
  parameters: object,
): Promise<EarlierRequest | undefined> {
  await takeTurn(transaction, `${operation}/${token}`);
  const row = await transaction
    .selectFrom('request_tokens')
    .selectAll()
    .where('operation', '=', operation)
    .where('token', '=', token)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.parameters_hash !== hashOf(parameters)) {
    throw new InvalidRequestException(
      'Idempotent parameters do not match: the ClientRequestToken was used with other parameters.',
    );
  }
  return { resourceId: row.resource_id, replyState: row.reply_state };
}

/** Remembers what a token started; fails on a second insert, so it belongs into the transaction that starts it. */
export async function rememberRequestToken(
  database: Database,
  operation: string,
  token: string,
  parameters: object,
  resourceId: string,
): Promise<void> {
  await database
    .insertInto('request_tokens')
    .values({
      operation,
      token,
      parameters_hash: hashOf(parameters),
      resource_id: resourceId,
      reply_state: null,
      created_at: Date.now(),
    })
    .execute();
}

/** Remembers what the reply said, so that a repeated request gets the same. */
export async function rememberReply(
  database: Database,
  operation: string,
  token: string,
  replyState: string,
): Promise<void> {
  await database
    .updateTable('request_tokens')
    .set({ reply_state: replyState })
    .where('operation', '=', operation)
    .where('token', '=', token)
    .execute();
}

export async function forgetRequestTokens(database: Database, createdBefore: number): Promise<void> {
  await database.deleteFrom('request_tokens').where('created_at', '<', createdBefore).execute();
}

/** The same for the same members in whatever order. */
function hashOf(parameters: object): string {
  return createHash('sha256').update(JSON.stringify(parameters, sortMembers)).digest('hex');
}

function sortMembers(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}
