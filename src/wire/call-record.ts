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
  /** Of the trace that it is part of. */
  traceId?: string | undefined;
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
  /** When the answer began, by the steady clock, where it then goes on for as long as somebody listens. */
  answeredAt?: number;
  /** Bytes of S3 bodies, as they come and go: of what breaks off, what had come until then. */
  receivedBytes: number;
  sentBytes: number;
}

export function newCallRecord(request: IncomingMessage, requestId: string, audited: boolean): CallRecord {
  const { socket } = request;
  const secure = (socket as TLSSocket).encrypted === true;
  const source = { address: socket.remoteAddress, secure };
  return { requestId, source, audited, receivedBytes: 0, sentBytes: 0 };
}

/** `ok`, the code that the caller was answered with, or `aborted` where the client went away before. */
export function outcomeOf({ error }: CallRecord, answered: boolean): string {
  return error ?? (answered ? 'ok' : 'aborted');
}
