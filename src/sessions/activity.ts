/**
 * Use of sessions other than by calculations: by Spark Connect's clients, say. It is kept here between two looks of the sweep, which
 * writes it down, so that a call costs no write.
 */
export class Activity {
  /** Uses that go on, by session. */
  readonly #open = new Map<string, number>();
  /** Used since the last look. */
  readonly #used = new Set<string>();

  /** @returns what says that the use has ended; further calls of it do nothing */
  begin(sessionId: string): () => void {
    this.#open.set(sessionId, (this.#open.get(sessionId) ?? 0) + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#used.add(sessionId);
      const others = (this.#open.get(sessionId) ?? 1) - 1;
      if (others > 0) this.#open.set(sessionId, others);
      else this.#open.delete(sessionId);
    };
  }

  /** Sessions that are in use, or have been since the last call. */
  take(): string[] {
    const ids = new Set([...this.#open.keys(), ...this.#used]);
    this.#used.clear();
    return [...ids];
  }

  /** For those whose use could not be written down: the next `take` names them again. */
  putBack(sessionIds: readonly string[]): void {
    for (const id of sessionIds) this.#used.add(id);
  }
}
