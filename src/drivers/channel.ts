import { Dealer } from 'zeromq';
import { JupyterCodec, type JupyterRequest } from './jupyter.ts';

type Content = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (content: Content) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One request-and-reply channel of a kernel (shell or control). It may be opened before the kernel listens: ZeroMQ
 * connects as soon as it does, and again after a break.
 */
export class Channel {
  readonly #socket = new Dealer({ linger: 0, reconnectInterval: 20, reconnectMaxInterval: 500 });
  readonly #codec: JupyterCodec;
  readonly #waiting = new Map<string, Waiting>();
  #sending: Promise<void> = Promise.resolve();

  /** @param address ZeroMQ's, e.g. `ipc:///run/x/k-1` */
  constructor(address: string, key: string) {
    this.#codec = new JupyterCodec(key);
    this.#socket.connect(address);
    void this.#receive();
  }

  /** Resolves with the reply's content; rejects when the channel is closed first. */
  async request(request: JupyterRequest): Promise<Content> {
    const { id, frames } = this.#codec.encode(request);
    const reply = new Promise<Content>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // The socket takes one send at a time.
    this.#sending = this.#sending.then(() => this.#socket.send(frames)).catch((error) => this.#fail(id, error));
    return reply;
  }

  /** Rejects whatever waits for a reply. */
  close(): void {
    this.#socket.close();
    for (const id of [...this.#waiting.keys()]) {
      this.#fail(id, new Error('The channel to the driver is closed'));
    }
  }

  async #receive(): Promise<void> {
    for await (const frames of this.#socket) {
      const message = this.#codec.decode(frames);
      const waiting = message?.parentId === undefined ? undefined : this.#waiting.get(message.parentId);
      if (message && waiting) {
        this.#waiting.delete(message.parentId as string);
        waiting.resolve(message.content);
      }
    }
  }

  #fail(id: string, error: Error): void {
    this.#waiting.get(id)?.reject(error);
    this.#waiting.delete(id);
  }
}
