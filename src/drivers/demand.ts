import { isDeepStrictEqual } from 'node:util';
import { type Profile, preparable } from './profile.ts';

/** Sessions that are remembered: enough to tell a habit, few enough to forget one. */
const REMEMBERED = 20;

/** What the last sessions asked for, hence what the next ones are likely to ask for. */
export class Demand {
  readonly #standard: Profile;
  /** Newest first. */
  readonly #asked: Profile[] = [];

  /** @param standard of a session that asks for nothing */
  constructor(standard: Profile) {
    this.#standard = standard;
  }

  note(profile: Profile): void {
    this.#asked.unshift(preparable(profile, this.#standard));
    this.#asked.length = Math.min(this.#asked.length, REMEMBERED);
  }

  /**
   * The profile of which one more driver should wait, beside those that do: the one with the most demand for each driver
   * of its own; the newest of equals. The standard profile counts as asked for once.
   *
   * One driver always has a JVM without options: nearly every session can use that, and hardly any another.
   */
  next(waiting: readonly Profile[]): Profile {
    const plainIsThere = waiting.some(({ jvm }) => Object.keys(jvm).length === 0);
    const all = [...this.#asked, this.#standard];
    const candidates = all.filter(({ jvm }) => plainIsThere || Object.keys(jvm).length === 0);
    const need = (profile: Profile) => times(profile, all) / (times(profile, waiting) + 1);
    return candidates.reduce((best, each) => (need(each) > need(best) ? each : best), candidates[0] ?? this.#standard);
  }
}

function times(profile: Profile, among: readonly Profile[]): number {
  return among.filter((each) => isDeepStrictEqual(each, profile)).length;
}
