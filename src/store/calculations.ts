import type { UpdateObject } from 'kysely';
import { decodeToken, type Page, toPage } from './paging.ts';
import type { Database } from './store.ts';
import type { CalculationRow, CalculationState, NewCalculation, Tables } from './tables.ts';

/** Columns that a move may set beside the state. */
export type CalculationChange = UpdateObject<Tables, 'calculations'>;

export async function insertCalculation(database: Database, calculation: NewCalculation): Promise<void> {
  await database.insertInto('calculations').values(calculation).execute();
}

export async function findCalculation(database: Database, id: string): Promise<CalculationRow | undefined> {
  return await database.selectFrom('calculations').selectAll().where('id', '=', id).executeTakeFirst();
}

/** As `moveSession`: one conditional UPDATE. */
export async function moveCalculation(
  database: Database,
  id: string,
  state: CalculationState,
  from: readonly CalculationState[],
  change: CalculationChange,
): Promise<boolean> {
  const result = await database
    .updateTable('calculations')
    .set({ ...change, state })
    .where('id', '=', id)
    .where('state', 'in', from)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** What lists tell of a calculation: not its code. */
const LISTED = [
  'id',
  'position',
  'session_id',
  'description',
  'state',
  'state_change_reason',
  'submitted_at',
  'completed_at',
] as const;
export type ListedCalculation = Pick<CalculationRow, (typeof LISTED)[number]>;

/** Newest first; all states unless one is given. */
export async function listCalculations(
  database: Database,
  sessionId: string,
  filter: { state?: CalculationState | undefined; limit: number; token?: string | undefined },
): Promise<Page<ListedCalculation>> {
  const name = `calculations/${sessionId}`;
  const before = decodeToken<number>(name, filter.token, 'number');
  const rows = await database
    .selectFrom('calculations')
    .select(LISTED)
    .where('session_id', '=', sessionId)
    .$if(filter.state !== undefined, (query) => query.where('state', '=', filter.state as CalculationState))
    .$if(before !== undefined, (query) => query.where('position', '<', before as number))
    .orderBy('position', 'desc')
    .limit(filter.limit + 1)
    .execute();
  return toPage(name, rows, filter.limit, (row) => row.position);
}

/** The session's first calculation, or the one that came after another. */
export async function calculationAfter(
  database: Database,
  sessionId: string,
  position: number | undefined,
): Promise<CalculationRow | undefined> {
  return await database
    .selectFrom('calculations')
    .selectAll()
    .where('session_id', '=', sessionId)
    .$if(position !== undefined, (query) => query.where('position', '>', position as number))
    .orderBy('position')
    .limit(1)
    .executeTakeFirst();
}

/** Calculations of a session in any of these states. */
export async function calculationsIn(
  database: Database,
  sessionId: string,
  states: readonly CalculationState[],
): Promise<CalculationRow[]> {
  return await database
    .selectFrom('calculations')
    .selectAll()
    .where('session_id', '=', sessionId)
    .where('state', 'in', states)
    .execute();
}

/** Says that what the calculation put out is in S3, whatever its state. */
export async function markResult(database: Database, id: string): Promise<void> {
  await database.updateTable('calculations').set({ has_result: 1 }).where('id', '=', id).execute();
}

/** How many calculations of all sessions are in one of these states. */
export async function countCalculations(database: Database, states: readonly CalculationState[]): Promise<number> {
  const row = await database
    .selectFrom('calculations')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('state', 'in', states)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
