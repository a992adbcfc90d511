/** One of the clients: a session after the other, and calculations in it, by a real AWS SDK. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetCalculationExecutionCommand,
  GetSessionStatusCommand,
  InvalidRequestException,
  StartCalculationExecutionCommand,
  StartSessionCommand,
  StopCalculationExecutionCommand,
  TerminateSessionCommand,
} from '@aws-sdk/client-athena';
import { untilAnswered, untilSo } from './calls.ts';
import { type CalculationRecord, codeOf, newName, newToken, promise, type SessionRecord } from './ledger.ts';
import type { ClientPlan, Step } from './plan.ts';
import type { Site } from './site.ts';

const CALCULATION_ENDED = ['COMPLETED', 'FAILED', 'CANCELED'];
const SESSION_ENDED = ['TERMINATED', 'FAILED'];

export class FaultClient {
  readonly #site: Site;
  /** None before its first session, and after the end of one. */
  #session: SessionRecord | undefined;

  constructor(site: Site) {
    this.#site = site;
  }

  async play(plan: ClientPlan): Promise<void> {
    await sleep(plan.beginMillis);
    this.#session ??= await this.#start(plan);
    if (await this.#hasEnded(this.#session)) return;
    for (const step of plan.steps) {
      if (!(await this.calculate(step))) return;
    }
    if (plan.terminate) await this.#terminate(this.#session);
    await this.#hasEnded(this.#session);
  }

  /** Has a session that waits, for a round to come. */
  async prepare(): Promise<void> {
    this.#session ??= await this.#start({});
    await this.#hasEnded(this.#session);
  }

  /** Sees whether its session has ended. */
  async look(): Promise<void> {
    if (this.#session) await this.#hasEnded(this.#session);
  }

  /** Runs one calculation to its end. @returns whether the session goes on */
  async calculate(step: Step): Promise<boolean> {
    const session = this.#session;
    const calculation = session && (await this.#accepted(session, step));
    if (session === undefined || calculation === undefined) return false;
    if (step.stopAfterMillis !== undefined) {
      await sleep(step.stopAfterMillis);
      await this.#stop(calculation);
    }
    if (step.terminateAfterMillis !== undefined) {
      await sleep(step.terminateAfterMillis);
      await this.#terminate(session);
    }
    const get = new GetCalculationExecutionCommand({ CalculationExecutionId: calculation.id });
    const { Status } = await untilSo(
      `GetCalculationExecution ${calculation.id} (${step.kind})`,
      () => this.#site.server.athena.send(get),
      (reply) => CALCULATION_ENDED.includes(String(reply.Status?.State)),
    );
    calculation.state = Status?.State;
    return !(await this.#hasEnded(session));
  }

  async #start({ terminateStartAfterMillis }: Pick<ClientPlan, 'terminateStartAfterMillis'>): Promise<SessionRecord> {
    const request = {
      WorkGroup: 'primary',
      EngineConfiguration: { MaxConcurrentDpus: 2 },
      ClientRequestToken: newToken(),
    };
    const start = new StartSessionCommand(request);
    const { SessionId } = await untilAnswered('StartSession', () => this.#site.server.athena.send(start));
    const session: SessionRecord = {
      request,
      id: String(SessionId),
      calculations: [],
      isStarted: false,
      isEnded: false,
      mustEnd: false,
      mayTerminate: false,
      mayFail: this.#site.isStruck,
    };
    this.#site.sessions.push(session);
    if (terminateStartAfterMillis !== undefined) {
      await sleep(terminateStartAfterMillis);
      await this.#terminate(session);
    }
    return session;
  }

  async #stop(calculation: CalculationRecord): Promise<void> {
    calculation.mayCancel = true;
    const stop = new StopCalculationExecutionCommand({ CalculationExecutionId: calculation.id });
    await untilAnswered('StopCalculationExecution', () => this.#site.server.athena.send(stop));
  }

  async #terminate(session: SessionRecord): Promise<void> {
    session.mayTerminate = true;
    const terminate = new TerminateSessionCommand({ SessionId: session.id });
    await untilAnswered('TerminateSession', () => this.#site.server.athena.send(terminate));
    session.mustEnd = true;
  }

  /** Waits until it is settled: it waits for work, unless its end was asked for, or it has ended. */
  async #hasEnded(session: SessionRecord): Promise<boolean> {
    const states = session.mustEnd ? SESSION_ENDED : ['IDLE', ...SESSION_ENDED];
    const get = new GetSessionStatusCommand({ SessionId: session.id });
    const { Status } = await untilSo(
      `GetSessionStatus ${session.id}`,
      () => this.#site.server.athena.send(get),
      (reply) => states.includes(String(reply.Status?.State)),
    );
    session.isStarted = true;
    if (Status?.State === 'IDLE') return false;
    this.#session = undefined;
    session.isEnded = true;
    const told = `session ${session.id} is ${Status?.State}: ${Status?.StateChangeReason}`;
    promise(Boolean(Status?.StateChangeReason), () => `${told}: no reason`);
    promise(Status?.State === 'FAILED' ? session.mayFail : session.mayTerminate, () => `${told}; it had no cause to`);
    return true;
  }

  /** @returns undefined where the session takes none any more */
  async #accepted(session: SessionRecord, { kind }: Step): Promise<CalculationRecord | undefined> {
    const name = newName();
    const request = { SessionId: session.id, CodeBlock: codeOf(name, kind), ClientRequestToken: newToken() };
    const start = new StartCalculationExecutionCommand(request);
    try {
      const reply = await untilAnswered('StartCalculationExecution', () => this.#site.server.athena.send(start));
      const calculation = { request, id: String(reply.CalculationExecutionId), name, kind, mayCancel: false };
      session.calculations.push(calculation);
      return calculation;
    } catch (error) {
      if (!(error instanceof InvalidRequestException)) throw error;
      promise(/in the (TERMINATING|TERMINATED|FAILED) state/.test(error.message), () => `refused: ${error.message}`);
      promise(await this.#hasEnded(session), () => `session ${session.id} goes on, and has refused: ${error.message}`);
      return undefined;
    }
  }
}
