import type { Changes } from '../../sessions/changes.ts';

/** Rows are read again this often without a word of a change: another process may have made it. */
const ROW_MILLIS = 1000;

/** Says when to look again: at once after a change that somebody tells of, else after a while. */
export class Looks implements Disposable {
  readonly #changes: Changes;
  readonly #signal: AbortSignal;
  readonly #watched = new Map<string, () => void>();
  #changed = true;
  #readAt = 0;
  #wake: (() => void) | undefined;

  /** @param signal ends every wait */
  constructor(changes: Changes, signal: AbortSignal) {
    this.#changes = changes;
    this.#signal = signal;
  }

  /** Hears of changes of this session or calculation. */
  watch(id: string): void {
    if (!this.#watched.has(id))
      this.#watched.set(
        id,
        this.#changes.watch(id, () => this.hurry()),
      );
  }

  forget(id: string): void {
    this.#watched.get(id)?.();
    this.#watched.delete(id);
  }

  /** Has rows be read again, now. */
  hurry(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Whether rows are to be read again; asked before they are, so that no change between is missed. */
  due(): boolean {
    const now = performance.now();
    if (!this.#changed && now - this.#readAt < ROW_MILLIS) return false;
    this.#changed = false;
    this.#readAt = now;
    return true;
  }

  /** Until a change, or for so long. */
  async pause(millis: number): Promise<void> {
    if (this.#changed || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, millis);
      this.#signal.addEventListener('abort', wake);
      this.#wake = wake;
    });
  }

  [Symbol.dispose](): void {
    for (const stop of this.#watched.values()) stop();
    this.#watched.clear();
  }
}
