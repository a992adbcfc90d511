import type { CreateWorkGroupInput, UpdateWorkGroupInput, WorkGroupConfiguration } from '@aws-sdk/client-athena';
import { type Realm, workGroupArn } from '../access/arns.ts';
import { InvalidRequestException } from '../errors.ts';
import type { Page } from '../store/paging.ts';
import type { Database } from '../store/store.ts';
import type { WorkGroupRow } from '../store/tables.ts';
import { putTags, removeTags } from '../store/tags.ts';
import { takeTurn } from '../store/turns.ts';
import * as store from '../store/workgroups.ts';
import { newConfiguration, updatedConfiguration } from './configuration.ts';
import { defaultSparkEngineVersion } from './engine-versions.ts';
import { checkNewTags } from './tags.ts';

const PRIMARY = 'primary';

/** A workgroup as the domain sees it. */
export interface WorkGroup {
  readonly name: string;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly description: string | undefined;
  readonly configuration: WorkGroupConfiguration;
  readonly createdAt: Date;
}

/** What lies in a workgroup, as far as deleting it is concerned; the sessions' room provides it. */
export interface WorkGroupContents {
  /** @param transaction that the answer must hold for */
  exist(workGroup: string, transaction: Database): Promise<boolean>;
  /** Ends and removes them all. */
  remove(workGroup: string): Promise<void>;
}

export class WorkGroups {
  readonly #database: Database;
  readonly #realm: Realm;

  constructor(database: Database, realm: Realm) {
    this.#database = database;
    this.#realm = realm;
  }

  /** The `primary` workgroup exists from the first start on, for Spark. */
  async ensurePrimary(): Promise<void> {
    await store.insertWorkGroup(this.#database, {
      name: PRIMARY,
      state: 'ENABLED',
      description: null,
      configuration_json: JSON.stringify(newConfiguration({ EngineVersion: defaultSparkEngineVersion })),
      created_at: Date.now(),
    });
  }

  /** @throws InvalidRequestException when it exists already or cannot be as asked */
  async create(input: CreateWorkGroupInput): Promise<void> {
    const name = input.Name as string;
    const tags = checkNewTags(input.Tags ?? []);
    const configuration = newConfiguration(input.Configuration);
    await this.#database.transaction().execute(async (transaction) => {
      const inserted = await store.insertWorkGroup(transaction, {
        name,
        state: 'ENABLED',
        description: input.Description ?? null,
        configuration_json: JSON.stringify(configuration),
        created_at: Date.now(),
      });
      if (!inserted) throw new InvalidRequestException(`WorkGroup ${name} is already created`);
      await putTags(transaction, workGroupArn(this.#realm, name), tags);
    });
  }

  /**
   * @param database the transaction that the answer must hold for, if there is one
   * @throws InvalidRequestException when there is none of that name
   */
  async get(name: string, database = this.#database): Promise<WorkGroup> {
    const row = await store.findWorkGroup(database, name);
    if (row === undefined) throw new InvalidRequestException(`WorkGroup ${name} is not found.`);
    return toWorkGroup(row);
  }

  async update(input: UpdateWorkGroupInput): Promise<void> {
    const name = input.WorkGroup as string;
    await this.#database.transaction().execute(async (transaction) => {
      await takeTurn(transaction, workGroupArn(this.#realm, name));
      const row = await store.findWorkGroup(transaction, name);
      if (row === undefined) throw new InvalidRequestException(`WorkGroup ${name} is not found.`);
      const configuration = updatedConfiguration(JSON.parse(row.configuration_json), input.ConfigurationUpdates ?? {});
      await store.updateWorkGroup(transaction, name, {
        configuration_json: JSON.stringify(configuration),
        ...(input.Description !== undefined && { description: input.Description }),
        ...(input.State !== undefined && { state: input.State }),
      });
    });
  }

  /** @throws InvalidRequestException for `primary`, and for one with contents unless `recursive` */
  async delete(name: string, recursive: boolean, contents: WorkGroupContents): Promise<void> {
    await this.get(name);
    if (name === PRIMARY) throw new InvalidRequestException('The primary workgroup cannot be deleted.');
    const arn = workGroupArn(this.#realm, name);
    const refuseContents = async (transaction: Database) => {
      if (await contents.exist(name, transaction)) throw new InvalidRequestException(`WorkGroup ${name} is not empty`);
    };
    await this.#database.transaction().execute(async (transaction) => {
      await takeTurn(transaction, arn);
      if (!recursive) await refuseContents(transaction);
      // Disabled first, so that no session starts between the removal of the contents and the workgroup's own.
      await store.updateWorkGroup(transaction, name, { state: 'DISABLED' });
    });
    await contents.remove(name);
    await this.#database.transaction().execute(async (transaction) => {
      await takeTurn(transaction, arn);
      // An UpdateWorkGroup may have enabled it again.
      await refuseContents(transaction);
      await store.deleteWorkGroup(transaction, name);
      await removeTags(transaction, arn);
    });
  }

  async list(filter: { limit: number; token?: string | undefined }): Promise<Page<WorkGroup>> {
    const page = await store.listWorkGroups(this.#database, filter);
    return { ...page, rows: page.rows.map(toWorkGroup) };
  }
}

function toWorkGroup(row: WorkGroupRow): WorkGroup {
  return {
    name: row.name,
    state: row.state,
    description: row.description ?? undefined,
    configuration: JSON.parse(row.configuration_json) as WorkGroupConfiguration,
    createdAt: new Date(Number(row.created_at)),
  };
}
