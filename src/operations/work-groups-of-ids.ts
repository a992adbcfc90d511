import { findCalculation } from '../store/calculations.ts';
import { findSession } from '../store/sessions.ts';
import type { Database } from '../store/store.ts';

/** Ids that are remembered: some megabyte. */
const CAPACITY = 10_000;

/**
 * The workgroups that sessions and calculations lie in. None ever moves to another, so that an answer is good for ever, and status
 * calls of users cost no second look into the database.
 */
export class WorkGroupsOfIds {
  readonly #database: Database;
  /** The least recently used first. */
  readonly #known = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
  }

  async ofSession(id: string): Promise<string | undefined> {
    return await this.#remembered(id, async () => (await findSession(this.#database, id))?.workgroup);
  }

  async ofCalculation(id: string): Promise<string | undefined> {
    return await this.#remembered(id, async () => {
      const calculation = await findCalculation(this.#database, id);
      return calculation && (await this.ofSession(calculation.session_id));
    });
  }

  async #remembered(id: string, find: () => Promise<string | undefined>): Promise<string | undefined> {
    const known = this.#known.get(id) ?? (await find());
    if (known === undefined) return undefined;
    this.#known.delete(id);
    this.#known.set(id, known);
    if (this.#known.size > CAPACITY) this.#known.delete(this.#known.keys().next().value as string);
    return known;
  }
}
