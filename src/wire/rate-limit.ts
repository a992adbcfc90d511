/** Keys whose last requests are remembered: more than ever sign within one second. */
const REMEMBERED = 10_000;
/** A key that was quiet may make up for so many seconds in a moment. */
const BURST_SECONDS = 2;

interface Bucket {
  tokens: number;
  /** When they were counted, milliseconds. */
  at: number;
}

/** How many requests each key may make: a token bucket for each, https://en.wikipedia.org/wiki/Token_bucket */
export class RateLimit {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** The one that asked last is last: those before it are full again soonest, and a full one is as good as none. */
  readonly #buckets = new Map<string, Bucket>();

  /**
   * @param perSecond 0 for any number
   * @param now milliseconds that never go back
   */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /**
   * Whether the key may make one more request now, which is counted then. Asked once the signature has shown whose request it is:
   * nobody uses up what is another's.
   */
  allows(accessKeyId: string): boolean {
    if (this.#perSecond === 0) return true;
    const at = this.#now();
    const most = this.#perSecond * BURST_SECONDS;
    const bucket = this.#buckets.get(accessKeyId) ?? { tokens: most, at };
    bucket.tokens = Math.min(most, bucket.tokens + ((at - bucket.at) / 1000) * this.#perSecond);
    bucket.at = at;
    this.#buckets.delete(accessKeyId);
    this.#buckets.set(accessKeyId, bucket);
    this.#forgetOldest();
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= REMEMBERED) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
