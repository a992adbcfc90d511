/** Where a call comes from. */
export interface CallSource {
  /** The peer's IP address; `undefined` when the connection is gone. */
  readonly address: string | undefined;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}
