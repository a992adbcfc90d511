/** What is told of a calculation, or of a session and all its calculations, from wherever a client has got to. */
import { getCalculation } from '../../sessions/calculations.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { describeSessionStatus } from '../../sessions/describe.ts';
import { sessionStates } from '../../sessions/states.ts';
import { getSession } from '../../sessions/terminate-session.ts';
import { calculationAfter, findCalculation } from '../../store/calculations.ts';
import type { SessionRow } from '../../store/tables.ts';
import { CalculationFollower } from './calculation-follower.ts';
import type { LiveEvent } from './live-event.ts';
import { Looks } from './looks.ts';
import {
  BEGINNING,
  type CalculationPosition,
  formatCalculation,
  formatEnd,
  formatSession,
  type SessionPosition,
} from './position.ts';

export interface Listening {
  /** Nobody listens any more: the stream then ends without its end. */
  readonly signal: AbortSignal;
  /** False for what there is by now. */
  readonly follow: boolean;
}

/** Between two looks at files that code writes to. */
const OUTPUT_MILLIS = 150;
/** While nothing runs: changes are told of. */
const QUIET_MILLIS = 1000;

/**
 * Follows a calculation to its end.
 * @throws ResourceNotFoundException, StorageAway
 */
export async function* followCalculation(
  context: SessionsContext,
  calculationId: string,
  from: CalculationPosition,
  { signal, follow }: Listening,
): AsyncGenerator<LiveEvent, void> {
  using looks = new Looks(context.changes, signal);
  looks.watch(calculationId);
  const row = await getCalculation(context, calculationId);
  await using follower = new CalculationFollower(context, row, from, signal);
  const place = () => formatCalculation(follower.position);
  while (!signal.aborted) {
    const more = yield* follower.step(looks.due(), place);
    if (follower.ended) {
      yield { event: 'end', id: formatEnd(place()), data: { CalculationExecutionId: calculationId } };
      return;
    }
    if (more) continue;
    if (!follow) return;
    await looks.pause(OUTPUT_MILLIS);
  }
}

/**
 * Follows a session to its end: its states and, one after the other, all that its calculations do.
 * @throws ResourceNotFoundException, StorageAway
 */
export async function* followSession(
  context: SessionsContext,
  sessionId: string,
  from: SessionPosition,
  { signal, follow }: Listening,
): AsyncGenerator<LiveEvent, void> {
  using looks = new Looks(context.changes, signal);
  looks.watch(sessionId);
  await using calculations = new CalculationsInTurn(context, sessionId, signal);
  await calculations.goOnFrom(from.calculation);
  let { told } = from;
  const place = () => formatSession({ told, calculation: calculations.position });
  const tell = (row: SessionRow): LiveEvent => {
    told = row.state;
    const output = { SessionId: row.id, Status: describeSessionStatus(row) };
    return { event: 'state', id: place(), operation: 'GetSessionStatus', output };
  };
  let row = await getSession(context, sessionId);
  while (!signal.aborted) {
    const due = looks.due();
    if (due) row = await getSession(context, sessionId);
    const { active } = sessionStates[row.state];
    if (active && row.state !== told) yield tell(row);
    const more = yield* calculations.step(due, looks, place);
    if (more) continue;
    if (!active && !calculations.oneIsLeft) {
      if (row.state !== told) yield tell(row);
      yield { event: 'end', id: formatEnd(place()), data: { SessionId: sessionId } };
      return;
    }
    if (!follow) return;
    await looks.pause(calculations.oneIsLeft ? OUTPUT_MILLIS : QUIET_MILLIS);
  }
}

/** A session runs one calculation at a time. */
class CalculationsInTurn implements AsyncDisposable {
  readonly #context: SessionsContext;
  readonly #sessionId: string;
  readonly #signal: AbortSignal;
  /** The one that is followed, or was last. */
  #follower: CalculationFollower | undefined;

  constructor(context: SessionsContext, sessionId: string, signal: AbortSignal) {
    this.#context = context;
    this.#sessionId = sessionId;
    this.#signal = signal;
  }

  get position(): SessionPosition['calculation'] {
    return this.#follower && { id: this.#follower.row.id, position: this.#follower.position };
  }

  get oneIsLeft(): boolean {
    return this.#follower?.ended === false;
  }

  async goOnFrom(calculation: SessionPosition['calculation']): Promise<void> {
    if (calculation === undefined) return;
    const row = await findCalculation(this.#context.database, calculation.id);
    if (row?.session_id !== this.#sessionId) return;
    this.#follower = new CalculationFollower(this.#context, row, calculation.position, this.#signal);
  }

  /** @param due whether rows are to be read again @returns whether to look again at once */
  async *step(due: boolean, looks: Looks, place: () => string): AsyncGenerator<LiveEvent, boolean> {
    if (!this.oneIsLeft && due && (await this.#takeNext())) looks.hurry();
    const follower = this.#follower;
    if (follower === undefined || follower.ended) return false;
    looks.watch(follower.row.id);
    const more = yield* follower.step(due, place);
    if (!follower.ended) return more;
    looks.forget(follower.row.id);
    await follower[Symbol.asyncDispose]();
    looks.hurry();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower?.[Symbol.asyncDispose]();
  }

  async #takeNext(): Promise<boolean> {
    const next = await calculationAfter(this.#context.database, this.#sessionId, this.#follower?.row.position);
    if (next === undefined) return false;
    this.#follower = new CalculationFollower(this.#context, next, BEGINNING, this.#signal);
    return true;
  }
}
