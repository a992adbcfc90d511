/** The state database cannot be opened; `message` says what to do, and never a password. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
