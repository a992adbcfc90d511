/** Places in a stream of events, as they stand in `Last-Event-ID`: states that were told, and bytes that were sent. */
import { InvalidRequestException } from '../../errors.ts';
import { calculationStates, sessionStates } from '../../sessions/states.ts';
import type { CalculationState, SessionState } from '../../store/tables.ts';

export interface CalculationPosition {
  readonly stdout: number;
  readonly stderr: number;
  /** The state that was told last. */
  readonly told: CalculationState | undefined;
}

export interface SessionPosition {
  readonly told: SessionState | undefined;
  /** The calculation that was told of last; those before it are done with. */
  readonly calculation: { readonly id: string; readonly position: CalculationPosition } | undefined;
}

export const BEGINNING: CalculationPosition = { stdout: 0, stderr: 0, told: undefined };

const CALCULATION = /^(\d{1,15})\.(\d{1,15})\.([A-Z]+|-)$/;
const SESSION = /^([A-Z]+|-)(?:\/([\w-]{1,64})\/(.+))?$/;
/** Added to the last event's: there is nothing after it. */
const END = '.end';

export function formatCalculation({ stdout, stderr, told }: CalculationPosition): string {
  return `${stdout}.${stderr}.${told ?? '-'}`;
}

export function formatSession({ told, calculation }: SessionPosition): string {
  const place = calculation && `/${calculation.id}/${formatCalculation(calculation.position)}`;
  return `${told ?? '-'}${place ?? ''}`;
}

export function formatEnd(position: string): string {
  return position + END;
}

export function isEnd(lastEventId: string | undefined): boolean {
  return lastEventId?.endsWith(END) === true;
}

/** @throws InvalidRequestException for what no event of a calculation's stream has */
export function parseCalculation(id: string): CalculationPosition {
  const [, stdout, stderr, told] = CALCULATION.exec(id) ?? [];
  if (stdout === undefined || stderr === undefined) throw unknownPosition(id);
  return { stdout: Number(stdout), stderr: Number(stderr), told: stateOf(calculationStates, told, id) };
}

/** @throws InvalidRequestException for what no event of a session's stream has */
export function parseSession(id: string): SessionPosition {
  const [, told, calculationId, place] = SESSION.exec(id) ?? [];
  if (told === undefined) throw unknownPosition(id);
  const calculation =
    calculationId === undefined ? undefined : { id: calculationId, position: parseCalculation(place ?? '') };
  return { told: stateOf(sessionStates, told, id), calculation };
}

function stateOf<State extends string>(
  table: Readonly<Record<State, unknown>>,
  name: string | undefined,
  id: string,
): State | undefined {
  if (name === '-') return undefined;
  if (name === undefined || !Object.hasOwn(table, name)) throw unknownPosition(id);
  return name as State;
}

function unknownPosition(id: string): InvalidRequestException {
  return new InvalidRequestException(
    `Last-Event-ID ${JSON.stringify(id.slice(0, 100))} is of no event of this stream; leave it out to begin anew.`,
  );
}
