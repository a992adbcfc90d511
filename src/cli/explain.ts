/** What a command ends with when it fails: one sentence that says what to do. */
import { Interrupted } from './interruption.ts';
import { PIPE_CLOSED_EXIT, PipeClosed } from './output.ts';

/** Wraps what a command does. @throws Error with a sentence for its message; of what needs no words the exit code is set */
export function explained<Args extends unknown[]>(
  work: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    // Whoever writes is told; without a listener the process would end with a stack trace.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    try {
      await work(...args);
    } catch (error) {
      if (error instanceof Interrupted) process.exitCode = error.exitCode;
      else if (error instanceof PipeClosed) process.exitCode = PIPE_CLOSED_EXIT;
      else throw new Error(explain(error), { cause: error });
    }
  };
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message } = error;
  const cause = [error, error.cause, ...(error instanceof AggregateError ? error.errors : [])]
    .map((each) => each as NodeJS.ErrnoException | undefined)
    .find((each) => /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|ETIMEDOUT)/.test(each?.code ?? ''));
  if (cause !== undefined)
    return `The server does not answer (${cause.message || cause.code}). Does it run? Start it with: npm start`;
  switch (name) {
    case 'CredentialsProviderError':
      return 'There are no keys to sign with. Set them by: eval "$(npx parthenon env)", or choose a --profile that has some';
    case 'UnrecognizedClientException':
    case 'InvalidSignatureException':
      return `The server does not take these keys (${message.replace(/\.$/, '')}). npx parthenon env prints the administrator’s`;
    case 'ResourceNotFoundException':
      return `${message} parthenon sessions list, and parthenon calculations list, show what there is`;
    default:
      return message;
  }
}
