import { describe, expect, it } from 'vitest';
import { Activity } from '../../src/sessions/activity.ts';

describe('Activity', () => {
  it('names a session at every look while it is used, and once more after that', () => {
    const activity = new Activity();
    expect(activity.take()).toEqual([]);
    const [endFirst, endSecond] = [activity.begin('a'), activity.begin('a')];
    expect(activity.take()).toEqual(['a']);
    endFirst();
    endFirst();
    expect(activity.take()).toEqual(['a']);
    endSecond();
    expect(activity.take()).toEqual(['a']);
    expect(activity.take()).toEqual([]);
  });

  it('names again what could not be written down', () => {
    const activity = new Activity();
    activity.begin('a')();
    activity.putBack(activity.take());
    expect(activity.take()).toEqual(['a']);
  });
});
