/** Ctrl-C while something runs on the server: it is to be stopped there before this process ends. */

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Why work was given up, and what the process then ends with. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`Interrupted by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** Aborted at the first signal, with an `Interrupted`; the second ends the process at once. */
export function interruption(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const names = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];
  const handlers = names.map((name) => {
    const handle = () => {
      if (controller.signal.aborted) process.exit(EXIT_CODES[name]);
      controller.abort(new Interrupted(name));
    };
    process.on(name, handle);
    return () => process.off(name, handle);
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const off of handlers) off();
    },
  };
}
