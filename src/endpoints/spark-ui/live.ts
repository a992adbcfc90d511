import { type Driver, DriverDied, type SparkUiAddress, SparkUiFailed } from '../../drivers/driver.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import type { SessionRow } from '../../store/tables.ts';
import { UiProblem } from './problem.ts';
import type { SessionUi } from './uis.ts';

const RETRY_SECONDS = 2;

/** The UIs of sessions that run: each is made when it is first asked for. */
export class LiveUis {
  readonly #context: SessionsContext;
  readonly #known = new WeakMap<Driver, SparkUiAddress>();

  constructor(context: SessionsContext) {
    this.#context = context;
  }

  /** @param row of a session that is active; @throws UiProblem */
  async of(row: SessionRow): Promise<SessionUi> {
    if (row.ready_at === null) throw new UiProblem(503, 'This session is being started.', RETRY_SECONDS);
    const driver = this.#context.live.get(row.id);
    if (driver === undefined) throw new UiProblem(503, 'This session has no driver at the moment.', RETRY_SECONDS);
    const address = this.#known.get(driver) ?? (await made(driver));
    this.#known.set(driver, address);
    // An address in a history that has not come yet, or that of an application before.
    const placeOf = (path: string) => (path.startsWith('/history/') ? '/' : path);
    return { address, placeOf, forget: async () => void this.#known.delete(driver) };
  }
}

async function made(driver: Driver): Promise<SparkUiAddress> {
  try {
    return await driver.sparkUi();
  } catch (error) {
    if (error instanceof SparkUiFailed) throw new UiProblem(503, error.message);
    if (error instanceof DriverDied) throw new UiProblem(503, 'This session is ending.', RETRY_SECONDS);
    throw error;
  }
}
