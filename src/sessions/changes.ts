/** What ends a wait: the change, or the end of the longest wait. Never the truth: whoever wakes reads the row again. */
type Waiter = () => void;

/**
 * Holds replies to status calls until what they ask for has changed, so that a client that polls every five seconds
 * learns of it within milliseconds. A wait is an entry in a map and a timer; it costs no thread, and one whose client
 * has gone ends by itself.
 */
export class Changes {
  readonly #longestMillis: number;
  readonly #most: number;
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #watchers = new Map<string, Set<Waiter>>();
  #held = 0;

  /**
   * @param longestMillis how long a reply is held at most; 0: none is
   * @param most how many are held at once; whoever comes then is answered at once
   */
  constructor(longestMillis: number, most: number) {
    this.#longestMillis = longestMillis;
    this.#most = most;
  }

  /** Replies that are held now. */
  get held(): number {
    return this.#held;
  }

  /** Wakes who waits for this session or calculation; to be called after the change is committed. */
  tell(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
    for (const look of this.#watchers.get(id) ?? []) look();
  }

  /**
   * Has `look` called at every change, until it is told to stop; it must not throw.
   * @returns what ends that
   */
  watch(id: string, look: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set<Waiter>();
    this.#watchers.set(id, watchers.add(look));
    return () => {
      watchers.delete(look);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  /**
   * Reads a row until it is settled or the wait is over.
   * @param read reads the row anew
   * @param longestMillis shorter than the server's, where the caller says so
   */
  async whenSettled<Row>(
    id: string,
    read: () => Promise<Row>,
    isSettled: (row: Row) => boolean,
    longestMillis = this.#longestMillis,
  ): Promise<Row> {
    let row = await read();
    if (isSettled(row) || longestMillis === 0 || this.#longestMillis === 0 || this.#held >= this.#most) return row;
    const deadline = performance.now() + Math.min(longestMillis, this.#longestMillis);
    this.#held += 1;
    try {
      while (!isSettled(row) && performance.now() < deadline) {
        const change = this.#next(id, deadline - performance.now());
        // A change between the reading above and this line has told nobody.
        row = await read();
        if (isSettled(row)) change.forget();
        else {
          await change.happened;
          row = await read();
        }
      }
    } finally {
      this.#held -= 1;
    }
    return row;
  }

  #next(id: string, millis: number): { happened: Promise<void>; forget: () => void } {
    const { promise: happened, resolve } = Promise.withResolvers<void>();
    const waiters = this.#waiting.get(id) ?? new Set<Waiter>();
    this.#waiting.set(id, waiters);
    const forget = () => {
      clearTimeout(timer);
      waiters.delete(forget);
      if (waiters.size === 0 && this.#waiting.get(id) === waiters) this.#waiting.delete(id);
      resolve();
    };
    const timer = setTimeout(forget, millis);
    waiters.add(forget);
    return { happened, forget };
  }
}
