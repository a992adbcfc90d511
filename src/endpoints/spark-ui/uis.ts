import type { SparkUiAddress } from '../../drivers/driver.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { sessionStates } from '../../sessions/states.ts';
import { findSession } from '../../store/sessions.ts';
import type { SparkHistory } from './history/history.ts';
import { LiveUis } from './live.ts';
import { UiProblem } from './problem.ts';

/** Where the pages of a session come from at the moment. */
export interface SessionUi {
  readonly address: SparkUiAddress;
  /** Where a page lies there: another path than asked for is one to go to. @throws UiProblem for what is not the session's */
  placeOf(path: string): string;
  /** Told that nothing answers at the address; resolves when it is worth to ask again. */
  forget(): Promise<void>;
}

/** The UI of each session. */
export class UisOfSessions {
  readonly #context: SessionsContext;
  readonly #live: LiveUis;
  readonly #history: SparkHistory;

  constructor(context: SessionsContext, history: SparkHistory) {
    this.#context = context;
    this.#live = new LiveUis(context);
    this.#history = history;
  }

  /** @throws UiProblem */
  async of(sessionId: string): Promise<SessionUi> {
    await this.#context.recovered;
    const row = await findSession(this.#context.database, sessionId);
    if (row === undefined) throw new UiProblem(404, 'This session is no more.');
    if (row.state === 'TERMINATING') throw new UiProblem(503, 'This session is ending.', 2);
    if (sessionStates[row.state].active) return await this.#live.of(row);
    return await this.#history.of(row);
  }
}
