/**
 * Jupyter's wire protocol: one message in frames, signed by HMAC-SHA256.
 * https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

const DELIMITER = Buffer.from('<IDS|MSG>');

export interface JupyterMessage {
  /** Id of the message, or, in a reply, of the request that it answers. */
  readonly parentId: string | undefined;
  readonly id: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface JupyterRequest {
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One client's side of the protocol with one kernel; `key` is the connection file's. */
export class JupyterCodec {
  readonly #key: string;
  readonly #session = randomUUID();

  constructor(key: string) {
    this.#key = key;
  }

  /** A request's frames, and the id by which its reply is known. */
  encode(request: JupyterRequest): { id: string; frames: Buffer[] } {
    const id = randomUUID();
    const header = {
      msg_id: id,
      session: this.#session,
      username: 'parthenon',
      date: new Date().toISOString(),
      msg_type: request.type,
      version: '5.4',
    };
    const parts = [header, {}, request.metadata ?? {}, request.content].map((part) =>
      Buffer.from(JSON.stringify(part)),
    );
    return { id, frames: [DELIMITER, Buffer.from(this.#sign(parts)), ...parts] };
  }

  /** The message in these frames; undefined for one that is not whole, not JSON or not signed by this key. */
  decode(frames: readonly Buffer[]): JupyterMessage | undefined {
    const start = frames.findIndex((frame) => frame.equals(DELIMITER));
    const [signature, header, parent, metadata, content] = frames.slice(start + 1);
    if (start < 0 || !signature || !header || !parent || !metadata || !content) {
      return undefined;
    }
    const expected = Buffer.from(this.#sign([header, parent, metadata, content]));
    if (expected.length !== signature.length || !timingSafeEqual(expected, signature)) {
      return undefined;
    }
    return parse(header, parent, content);
  }

  #sign(parts: readonly Buffer[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) {
      hmac.update(part);
    }
    return hmac.digest('hex');
  }
}

/** Signed is not trusted: a session's code can read its driver's key. */
function parse(header: Buffer, parent: Buffer, content: Buffer): JupyterMessage | undefined {
  try {
    const { msg_id: id, msg_type: type } = JSON.parse(header.toString());
    return { id, type, parentId: JSON.parse(parent.toString()).msg_id, content: JSON.parse(content.toString()) };
  } catch {
    return undefined;
  }
}
