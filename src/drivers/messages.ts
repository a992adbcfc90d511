/** What a driver is told. Shapes of the messages: docs/contributors/drivers.md. */
import type { SessionAssignment, SessionCredentials } from './driver.ts';

/** @param contextFits whether the SparkContext that the driver holds, if it holds one, can be the session's */
export function assignmentMessage(assignment: SessionAssignment, contextFits: boolean) {
  const { s3 } = assignment;
  return {
    session_id: assignment.sessionId,
    work_group: assignment.workGroup,
    master: assignment.sparkMaster,
    spark_properties: assignment.sparkProperties,
    context_fits: contextFits,
    event_log: assignment.eventLog,
    s3: {
      endpoint: s3.endpoint,
      region: s3.region,
      path_style: s3.pathStyle,
      credentials: credentialsMessage(s3.credentials),
    },
  };
}

export function credentialsMessage({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: SessionCredentials) {
  return {
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
    // Whole seconds: what every SDK reads.
    expiration: expiresAt?.toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}
