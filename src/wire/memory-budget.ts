/**
 * Memory that what callers send may take while it is held whole, all requests together. What is counted is what has come, not
 * what was announced: many slow senders cost little, many large bodies at once are refused before they fill the machine.
 */
export class MemoryBudget {
  #left: number;

  /** @param bytes of all leases together */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** A part of it, nothing at first; given back when it is disposed of. */
  lease(): MemoryLease {
    return new MemoryLease((bytes) => {
      if (bytes > this.#left) return false;
      this.#left -= bytes;
      return true;
    });
  }
}

export class MemoryLease implements Disposable {
  readonly #take: (bytes: number) => boolean;
  #taken = 0;

  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** @returns whether the bytes may be held */
  take(bytes: number): boolean {
    if (!this.#take(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  [Symbol.dispose](): void {
    this.#take(-this.#taken);
    this.#taken = 0;
  }
}
