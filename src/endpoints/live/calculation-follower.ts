import { getCalculation } from '../../sessions/calculations.ts';
import type { SessionsContext } from '../../sessions/context.ts';
import { describeCalculation, describeStatistics } from '../../sessions/describe.ts';
import { parseS3Uri, resultUri } from '../../sessions/locations.ts';
import { calculationStates } from '../../sessions/states.ts';
import { findSession } from '../../store/sessions.ts';
import type { CalculationRow } from '../../store/tables.ts';
import type { LiveEvent, OutputName } from './live-event.ts';
import { OutputFile } from './output-file.ts';
import type { CalculationPosition } from './position.ts';

const STREAMS: readonly OutputName[] = ['stdout', 'stderr'];
/** How often Spark is asked. */
const PROGRESS_MILLIS = 1000;

/**
 * Follows one calculation: its states, its output, its progress. It looks only when it is asked to, and holds no more than a piece of
 * each stream: whoever asks slowly reads the file as slowly.
 */
export class CalculationFollower implements AsyncDisposable {
  readonly #context: SessionsContext;
  readonly #files: Readonly<Record<OutputName, OutputFile>>;
  readonly #signal: AbortSignal;
  #row: CalculationRow;
  #told: CalculationPosition['told'];
  #toldReason: string | null;
  #progress: string | undefined;
  #toldProgress: string | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #stale = false;
  #ended = false;

  /**
   * @param row as it is now
   * @param signal nobody listens any more
   */
  constructor(context: SessionsContext, row: CalculationRow, from: CalculationPosition, signal: AbortSignal) {
    this.#context = context;
    this.#row = row;
    this.#signal = signal;
    this.#files = { stdout: new OutputFile(from.stdout), stderr: new OutputFile(from.stderr) };
    this.#told = from.told;
    this.#toldReason = row.state_change_reason;
  }

  /** What is being followed. */
  get row(): CalculationRow {
    return this.#row;
  }

  /** What has been told of it. */
  get position(): CalculationPosition {
    return { stdout: this.#files.stdout.position, stderr: this.#files.stderr.position, told: this.#told };
  }

  /** Its end has been told. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Looks once, and tells a piece of each stream at most. The end's state comes when all output has.
   * @param due whether to read the row again
   * @param place gives the id of an event, once it is told
   * @returns whether to look again at once
   * @throws ResourceNotFoundException when the calculation is no more
   */
  async *step(due: boolean, place: () => string): AsyncGenerator<LiveEvent, boolean> {
    if (due || this.#stale) this.#row = await getCalculation(this.#context, this.#row.id);
    this.#stale = false;
    if (calculationStates[this.#row.state].ended) return yield* this.#finish(place);
    if (this.#row.state !== this.#told || this.#row.state_change_reason !== this.#toldReason)
      yield await this.#tellState(place);
    if (await this.#openSpool()) return true;
    const more = yield* this.#output(place, (file) => file.written());
    yield* this.#tellProgress(place);
    return more;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of STREAMS) await this.#files[name][Symbol.asyncDispose]();
  }

  async *#finish(place: () => string): AsyncGenerator<LiveEvent, boolean> {
    const inSpool = STREAMS.every((name) => this.#files[name].isOpen);
    if (!inSpool && !this.#row.has_result) await this.#untilKept();
    const { objects } = this.#context;
    const { has_result: isStored, working_directory: directory } = this.#row;
    const locationOf = (name: OutputName) => (isStored ? parseS3Uri(resultUri(directory, name)) : undefined);
    const more = yield* this.#output(place, (file, name) => file.remaining(objects, locationOf(name)));
    if (more) return true;
    if (this.#row.state !== this.#told) yield await this.#tellState(place);
    this.#ended = true;
    return false;
  }

  async *#output(
    place: () => string,
    read: (file: OutputFile, name: OutputName) => Promise<string | undefined>,
  ): AsyncGenerator<LiveEvent, boolean> {
    let more = false;
    for (const event of STREAMS) {
      const Text = await read(this.#files[event], event);
      if (Text === undefined) continue;
      more = true;
      yield { event, id: place(), data: { CalculationExecutionId: this.#row.id, Text } };
    }
    return more;
  }

  /** @returns whether the row is to be read first: where there is a spool now, it says by now that the code runs */
  async #openSpool(): Promise<boolean> {
    const driver = this.#context.live.get(this.#row.session_id);
    const missing = STREAMS.filter((name) => !this.#files[name].isOpen);
    if (driver === undefined || missing.length === 0) return false;
    const folder = driver.openSpool(this.#row.id);
    for (const name of missing) await this.#files[name].open(folder, name);
    this.#stale = missing.some((name) => this.#files[name].isOpen);
    return this.#stale;
  }

  async #tellState(place: () => string): Promise<LiveEvent> {
    const row = this.#row;
    const output = await describeCalculation(this.#context, row);
    this.#told = row.state;
    this.#toldReason = row.state_change_reason;
    return { event: 'state', id: place(), operation: 'GetCalculationExecution', output };
  }

  async *#tellProgress(place: () => string): AsyncGenerator<LiveEvent, void> {
    const now = performance.now();
    if (now - this.#askedAt >= PROGRESS_MILLIS) {
      this.#askedAt = now;
      // Output does not wait for what Spark says, if it says anything.
      void describeStatistics(this.#context, this.#row).then(({ Progress }) => (this.#progress = Progress));
    }
    const Progress = this.#progress;
    if (Progress === undefined || Progress === this.#toldProgress) return;
    this.#toldProgress = Progress;
    yield { event: 'progress', id: place(), data: { CalculationExecutionId: this.#row.id, Progress } };
  }

  /** What a driver that died had put out comes to S3 after the end of its calculation shows. */
  async #untilKept(): Promise<void> {
    const { id, session_id: sessionId } = this.#row;
    const session = await findSession(this.#context.database, sessionId);
    const keeping = session?.state === 'FAILED' ? this.#context.running.get(sessionId) : undefined;
    if (keeping === undefined) return;
    const gone = Promise.withResolvers<void>();
    const leave = () => gone.resolve();
    this.#signal.addEventListener('abort', leave);
    if (this.#signal.aborted) leave();
    await Promise.race([keeping, gone.promise]);
    this.#signal.removeEventListener('abort', leave);
    this.#row = await getCalculation(this.#context, id);
  }
}
