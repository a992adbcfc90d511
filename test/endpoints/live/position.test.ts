import { describe, expect, it } from 'vitest';
import {
  formatCalculation,
  formatEnd,
  formatSession,
  isEnd,
  parseCalculation,
  parseSession,
} from '../../../src/endpoints/live/position.ts';

const calculation = { stdout: 12, stderr: 0, told: 'RUNNING' } as const;

describe('places in a stream', () => {
  it('come back as they were', () => {
    for (const place of [calculation, { ...calculation, told: undefined }])
      expect(parseCalculation(formatCalculation(place))).toEqual(place);
    for (const place of [
      { told: undefined, calculation: undefined },
      { told: 'BUSY', calculation: { id: '11111111-2222-4333-8444-555555555555', position: calculation } },
    ] as const)
      expect(parseSession(formatSession(place))).toEqual(place);
    expect(isEnd(formatEnd(formatCalculation(calculation)))).toBe(true);
    expect(isEnd(formatCalculation(calculation))).toBe(false);
  });

  it('are refused where they are none', () => {
    for (const text of ['', '1', '1.2', '-1.0.RUNNING', '1.2.toString', '1.2.IDLE', '9999999999999999.0.-'])
      expect(() => parseCalculation(text), text).toThrow(/Last-Event-ID/);
    for (const text of ['', 'RUNNING', 'IDLE/', 'IDLE/x/1.2', 'constructor', '-/../0.0.-'])
      expect(() => parseSession(text), text).toThrow(/Last-Event-ID/);
  });
});
