import { isDeepStrictEqual } from 'node:util';
import { canBePrepared, goesBySubmit, ofContext, ofJvm } from '../spark-properties/start.ts';

type Properties = Readonly<Record<string, string>>;

/** What of a session's Spark properties a driver must have from the start to become the session's fast. */
export interface Profile {
  readonly master: string;
  /** What only a JVM started with it has. */
  readonly jvm: Properties;
  /** What only a SparkContext made with it has. */
  readonly context: Properties;
}

/** @param master `local[n]`, `spark://…`, … */
export function profileOf(sparkProperties: Properties, master: string): Profile {
  return { master, jvm: ofJvm(sparkProperties), context: ofContext(sparkProperties) };
}

/** Whether a driver that waits with this profile has a JVM that the session can use. */
export function jvmFits(waiting: Profile, session: Profile): boolean {
  return !goesBySubmit(session.master) && isDeepStrictEqual(waiting.jvm, session.jvm);
}

/** Whether the very SparkContext that it holds can be the session's. */
export function contextFits(waiting: Profile, session: Profile): boolean {
  return (
    jvmFits(waiting, session) &&
    waiting.master === session.master &&
    holdsContext(session) &&
    isDeepStrictEqual(waiting.context, session.context)
  );
}

/** A context is held on this machine only: on a cluster it would be an application that nobody uses. */
export function holdsContext(profile: Profile): boolean {
  return profile.master.startsWith('local');
}

/** What of a session's profile may be prepared for sessions to come, which may be others' sessions. */
export function preparable(session: Profile, otherwise: Profile): Profile {
  if (goesBySubmit(session.master) || !canBePrepared(session.jvm)) return otherwise;
  return { ...session, context: canBePrepared(session.context) ? session.context : otherwise.context };
}
