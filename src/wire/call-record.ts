import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { CallSource } from '../access/call.ts';
import type { Principal } from '../access/principal.ts';

/** What becomes known of a call while it is answered; who learns something writes it here, and the audit tells it at the end. */
export interface CallRecord {
  requestId: string;
  readonly source: CallSource;
  /** Whether the record is wanted in full: what takes work to find out is found out only then. */
  readonly audited: boolean;
  /** AWS's name of the service that the call is signed for; unset for what is no API call. */
  service?: string;
  operation?: string;
  /** As the caller states it, verified or not. */
  accessKeyId?: string;
  /** Whose verified signature it is. */
  principal?: Principal;
  /** An ARN, or `*`. */
  resource?: string;
  /** The code that the caller was answered with. */
  error?: string;
}

export function newCallRecord(request: IncomingMessage, requestId: string, audited: boolean): CallRecord {
  const { socket } = request;
  const secure = (socket as TLSSocket).encrypted === true;
  return { requestId, source: { address: socket.remoteAddress, secure }, audited };
}
