import type { Tag } from '@aws-sdk/client-athena';
import { parseAthenaArn, type Realm } from '../access/arns.ts';
import { InvalidRequestException, ResourceNotFoundException } from '../errors.ts';
import type { Page } from '../store/paging.ts';
import { findSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';
import * as store from '../store/tags.ts';
import { takeTurn } from '../store/turns.ts';
import { findWorkGroup } from '../store/workgroups.ts';

const MAXIMUM_TAGS = 50;
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** Tags of workgroups and sessions, by ARN. */
export class Tags {
  readonly #database: Database;
  readonly #realm: Realm;

  constructor(database: Database, realm: Realm) {
    this.#database = database;
    this.#realm = realm;
  }

  /** @throws InvalidRequestException when the resource would have more than 50 */
  async add(arn: string, tags: readonly Tag[]): Promise<void> {
    const added = checkNewTags(tags);
    await this.#database.transaction().execute(async (transaction) => {
      await takeTurn(transaction, arn);
      await this.#mustExist(arn, transaction);
      await store.putTags(transaction, arn, added);
      const { rows } = await store.listTags(transaction, arn, { limit: MAXIMUM_TAGS + 1 });
      if (rows.length > MAXIMUM_TAGS)
        throw new InvalidRequestException(`A resource can have at most ${MAXIMUM_TAGS} tags.`);
    });
  }

  async remove(arn: string, keys: readonly string[]): Promise<void> {
    await this.#mustExist(arn, this.#database);
    await store.removeTags(this.#database, arn, keys);
  }

  async list(arn: string, filter: { limit: number; token?: string | undefined }): Promise<Page<store.TagRow>> {
    await this.#mustExist(arn, this.#database);
    return await store.listTags(this.#database, arn, filter);
  }

  async #mustExist(arn: string, database: Database): Promise<void> {
    const resource = parseAthenaArn(this.#realm, arn);
    const exists =
      resource.type === 'workgroup'
        ? (await findWorkGroup(database, resource.workGroup)) !== undefined
        : (await findSession(database, resource.sessionId))?.workgroup === resource.workGroup;
    if (!exists) throw new ResourceNotFoundException(`Resource ${arn} is not found.`, arn);
  }
}

/**
 * @returns the tags in the store's form
 * @throws InvalidRequestException for reserved or repeated keys, characters AWS does not take, or more than 50
 */
export function checkNewTags(tags: readonly Tag[]): store.TagRow[] {
  const keys = new Set<string>();
  for (const { Key: key = '', Value: value = '' } of tags) {
    if (key.toLowerCase().startsWith('aws:'))
      throw new InvalidRequestException('Tag keys beginning with aws: are reserved.');
    if (!ALLOWED.test(key) || !ALLOWED.test(value)) {
      throw new InvalidRequestException(`Tag ${key} has characters other than letters, numbers, spaces and _.:/=+-@`);
    }
    if (keys.has(key)) throw new InvalidRequestException(`Duplicate tag key: ${key}`);
    keys.add(key);
  }
  if (keys.size > MAXIMUM_TAGS) throw new InvalidRequestException(`A resource can have at most ${MAXIMUM_TAGS} tags.`);
  return tags.map(({ Key: key = '', Value: value = '' }) => ({ key, value }));
}
