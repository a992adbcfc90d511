import { describe, expect, it } from 'vitest';
import {
  activeSessionStates,
  calculationStates,
  calculationStatesBefore,
  notAcceptingMessage,
  runningCalculationStates,
  sessionStates,
  sessionStatesBefore,
  stoppableSessionStates,
} from '../../src/sessions/states.ts';
import model from '../../src/wire/model.json' with { type: 'json' };

describe('states', () => {
  it('are exactly the model’s', () => {
    const shapes = model.shapes as Record<string, { enum?: string[] }>;
    expect(Object.keys(sessionStates).sort()).toEqual([...(shapes.SessionState?.enum ?? [])].sort());
    expect(Object.keys(calculationStates).sort()).toEqual([...(shapes.CalculationExecutionState?.enum ?? [])].sort());
  });

  it('never leave an end state', () => {
    for (const [state, rules] of Object.entries(sessionStates))
      if (!rules.active) expect(rules.next, state).toEqual([]);
    for (const [state, rules] of Object.entries(calculationStates))
      if (rules.ended) expect(rules.next, state).toEqual([]);
  });

  it('let every active session be terminated, but the one that is ending already', () => {
    expect([...stoppableSessionStates, 'TERMINATING'].sort()).toEqual([...activeSessionStates].sort());
  });

  it('let every unfinished calculation fail or be canceled', () => {
    for (const state of runningCalculationStates) {
      expect(calculationStatesBefore('FAILED')).toContain(state);
      expect(calculationStatesBefore('CANCELED')).toContain(state);
    }
  });

  it('take a calculation from IDLE only, and say so in AWS’s words', () => {
    expect(sessionStatesBefore('BUSY')).toEqual(['IDLE']);
    expect(notAcceptingMessage('BUSY')).toBe('Session is in the BUSY state; needs to be IDLE to accept Calculations.');
  });
});
