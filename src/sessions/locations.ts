import type { S3Location } from '../objects/object-store.ts';

/** What calculations leave in S3, and their content types. */
export const resultFiles = {
  stdout: { name: 'stdout', contentType: 'text/plain; charset=utf-8' },
  stderr: { name: 'stderr', contentType: 'text/plain; charset=utf-8' },
  result: { name: 'result.json', contentType: 'application/vnd.aws.athena.v1+json' },
} as const;

export type ResultFile = keyof typeof resultFiles;

/** `s3://bucket/prefix/sessions/<id>/`: everything that a session leaves lies below it. */
export function sessionDirectory(resultsLocation: string, sessionId: string): string {
  return `${withSlash(resultsLocation)}sessions/${sessionId}/`;
}

export function calculationDirectory(workingDirectory: string, calculationId: string): string {
  return `${withSlash(workingDirectory)}calculations/${calculationId}/`;
}

/** The URI of one of a calculation's objects. */
export function resultUri(directory: string, file: ResultFile): string {
  return `${directory}${resultFiles[file].name}`;
}

/** @throws TypeError for anything but `s3://bucket[/key]`; callers have checked it before */
export function parseS3Uri(uri: string): S3Location {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/is.exec(uri);
  if (match?.[1] === undefined) throw new TypeError(`Not an S3 URI: ${uri}`);
  return { bucket: match[1], key: match[2] ?? '' };
}

function withSlash(location: string): string {
  return location.endsWith('/') ? location : `${location}/`;
}
