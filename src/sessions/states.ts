/**
 * The states of sessions and calculations and the moves between them: the one table that operations, sweeps, error texts
 * and documentation read.
 */
import type { CalculationState, SessionState } from '../store/tables.ts';

interface SessionStateRules {
  /** States that may follow. */
  readonly next: readonly SessionState[];
  /** Takes calculations. */
  readonly accepts: boolean;
  /** Holds a driver, or is about to. */
  readonly active: boolean;
  /** Does not change by itself: who asks for it while it is not may wait for the change. */
  readonly settled: boolean;
}

export const sessionStates: Readonly<Record<SessionState, SessionStateRules>> = {
  CREATING: { next: ['CREATED', 'TERMINATING', 'FAILED'], accepts: false, active: true, settled: false },
  CREATED: { next: ['IDLE', 'TERMINATING', 'FAILED'], accepts: false, active: true, settled: false },
  IDLE: { next: ['BUSY', 'TERMINATING', 'DEGRADED', 'FAILED'], accepts: true, active: true, settled: true },
  BUSY: { next: ['IDLE', 'TERMINATING', 'DEGRADED', 'FAILED'], accepts: false, active: true, settled: false },
  DEGRADED: { next: ['IDLE', 'TERMINATING', 'FAILED'], accepts: false, active: true, settled: true },
  TERMINATING: { next: ['TERMINATED'], accepts: false, active: true, settled: false },
  TERMINATED: { next: [], accepts: false, active: false, settled: true },
  FAILED: { next: [], accepts: false, active: false, settled: true },
};

interface CalculationStateRules {
  readonly next: readonly CalculationState[];
  /** Has ended, and will not change again. */
  readonly ended: boolean;
}

export const calculationStates: Readonly<Record<CalculationState, CalculationStateRules>> = {
  CREATING: { next: ['CREATED', 'QUEUED', 'RUNNING', 'CANCELING', 'CANCELED', 'FAILED'], ended: false },
  CREATED: { next: ['QUEUED', 'RUNNING', 'CANCELING', 'CANCELED', 'FAILED'], ended: false },
  QUEUED: { next: ['RUNNING', 'CANCELING', 'CANCELED', 'FAILED'], ended: false },
  RUNNING: { next: ['CANCELING', 'CANCELED', 'COMPLETED', 'FAILED'], ended: false },
  CANCELING: { next: ['CANCELED', 'COMPLETED', 'FAILED'], ended: false },
  CANCELED: { next: [], ended: true },
  COMPLETED: { next: [], ended: true },
  FAILED: { next: [], ended: true },
};

/** Every state from which `state` may be reached: the `WHERE state IN (…)` of its conditional UPDATE. */
export function sessionStatesBefore(state: SessionState): SessionState[] {
  return statesBefore(sessionStates, state);
}

export function calculationStatesBefore(state: CalculationState): CalculationState[] {
  return statesBefore(calculationStates, state);
}

export const activeSessionStates = keysWhere(sessionStates, (rules) => rules.active);

/** States from which a TerminateSession still changes something. */
export const stoppableSessionStates = sessionStatesBefore('TERMINATING');

export const runningCalculationStates = keysWhere(calculationStates, (rules) => !rules.ended);

/** AWS's sentence for a calculation sent to a session that cannot take it; dbt looks for the state's name in it. */
export function notAcceptingMessage(state: SessionState): string {
  const needed = keysWhere(sessionStates, (rules) => rules.accepts).join(' or ');
  return `Session is in the ${state} state; needs to be ${needed} to accept Calculations.`;
}

function statesBefore<State extends string>(
  table: Readonly<Record<State, { next: readonly State[] }>>,
  state: State,
): State[] {
  return keysWhere(table, (rules) => rules.next.includes(state));
}

function keysWhere<State extends string, Rules>(
  table: Readonly<Record<State, Rules>>,
  test: (rules: Rules) => boolean,
): State[] {
  return (Object.keys(table) as State[]).filter((state) => test(table[state]));
}
