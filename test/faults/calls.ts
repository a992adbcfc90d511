/** Calls as a client makes them that repeats what was not answered, with the same ClientRequestToken. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Violation } from './ledger.ts';

const AGAIN_MILLIS = 40;
const POLL_MILLIS = 60;
/** Longer than a catalog takes to start on a busy machine, and the calls that wait for it. */
export const PATIENCE_MILLIS = 150_000;

/**
 * Repeats a call until it is answered by anything but a fault of the server.
 * @throws what the server refuses the call with
 */
export async function untilAnswered<Reply>(name: string, call: () => Promise<Reply>): Promise<Reply> {
  const deadline = Date.now() + PATIENCE_MILLIS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      if (Date.now() > deadline) throw new Violation(`${name} was not answered: ${(error as Error).stack}`);
      await sleep(AGAIN_MILLIS);
    }
  }
}

/** Asks until the answer is as wanted. */
export async function untilSo<Answer>(
  name: string,
  ask: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
  patienceMillis = PATIENCE_MILLIS,
): Promise<Answer> {
  const deadline = Date.now() + patienceMillis;
  for (;;) {
    const answer = await untilAnswered(name, ask);
    if (isSo(answer)) return answer;
    if (Date.now() > deadline) throw new Violation(`${name}: still ${JSON.stringify(answer)}`);
    await sleep(POLL_MILLIS);
  }
}

/** Also what is refused for now, by a machine that others use as well. */
function isUnanswered(error: unknown): boolean {
  const { name, $fault, $metadata } = error as Error & { $fault?: string; $metadata?: { httpStatusCode?: number } };
  const forNow = name === 'TooManyRequestsException' || name === 'ThrottlingException';
  return forNow || $fault === 'server' || $metadata?.httpStatusCode === undefined;
}
