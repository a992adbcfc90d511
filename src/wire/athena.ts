import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AccessKeys, Principal } from '../access/principal.ts';
import { NotImplementedException, UnknownOperationException } from '../errors.ts';
import type { CallContext, OperationTable } from '../operations/operation.ts';
import type { CallRecord } from './call-record.ts';
import { encodeOutput } from './codec.ts';
import { parseJsonBody } from './json-body.ts';
import { type ModelOperation, model, operationNamed } from './model.ts';
import type { RateLimit } from './rate-limit.ts';
import { AWS_JSON, errorReply, type Reply } from './reply.ts';
import { createSignatureVerifier } from './sigv4.ts';
import { pathOf, signedRequestOf } from './sigv4-parse.ts';
import { decodeInput } from './type-errors.ts';
import { validateInput } from './validation.ts';

export interface AthenaEndpoint {
  /**
   * What can be refused before the body is read; a client that waits with `Expect: 100-continue` then never sends it.
   * @returns the refusal, or `undefined` to go on
   */
  precheck(request: IncomingMessage): Reply | undefined;
  /**
   * What can be told before the body is read: that nobody knows the operation, or the key.
   * @returns what answers the call with its body; it throws ServiceError, and whatever an operation throws
   * @throws ServiceError
   */
  begin(request: IncomingMessage, record: CallRecord): Promise<(body: Buffer) => Promise<Reply>>;
}

export interface AthenaEndpointOptions {
  readonly operations: OperationTable;
  readonly keys: AccessKeys;
  readonly region: string;
  readonly rate?: RateLimit | undefined;
  readonly now?: () => Date;
}

/**
 * Athena's endpoint, AWS JSON 1.1: target, key, body, signature, JSON and types, constraints, operation, reply — in this order, so
 * that nobody who is not known here gets further than the signature.
 * https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function createAthenaEndpoint(options: AthenaEndpointOptions): AthenaEndpoint {
  const { operations, keys, region, rate, now } = options;
  const verifier = createSignatureVerifier({ keys, region, services: ['athena'], rate, now });

  return {
    precheck(request) {
      // AWS has no such operation for what is no POST of its JSON: a front before the service says so in HTML or XML
      // (https://github.com/rusoto/rusoto/issues/215, https://github.com/disneystreaming/smithy4s/issues/167). 404 as
      // there, in the protocol's own form, which more clients can read.
      if (request.method === 'POST' && pathOf(request) === '/' && isAwsJson(request)) return undefined;
      return errorReply(
        new UnknownOperationException(`Athena is called by POST / with Content-Type ${AWS_JSON}.`),
        404,
      );
    },

    async begin(request, record) {
      const { name, operation } = targetOf(request);
      record.operation = name;
      const verify = await verifier.begin(signedRequestOf(request));
      return async (body) => {
        const { principal } = verify(hash('sha256', body));
        record.principal = principal;
        const input = decodeInput(operation.input, parseJsonBody(body));
        validateInput(operation.input, input);
        const run = Object.hasOwn(operations, name) ? operations[name] : undefined;
        if (run === undefined) {
          throw new NotImplementedException(
            `This server does not have ${name} yet. docs/coverage.md lists the operations that it has.`,
          );
        }
        const output = await run(input, callOf(principal, record));
        return { status: 200, headers: { 'content-type': AWS_JSON }, body: encodeOutput(name, output) };
      };
    },
  };
}

/** What an operation is told of a call. */
export function callOf(principal: Principal, record: CallRecord): CallContext {
  const { requestId, source } = record;
  if (!record.audited) return { principal, requestId, source };
  const noteResource = (arn: string): void => {
    record.resource = arn;
  };
  return { principal, requestId, source, noteResource };
}

function isAwsJson(request: IncomingMessage): boolean {
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';', 1);
  return mediaType.trim().toLowerCase() === AWS_JSON;
}

function targetOf(request: IncomingMessage): { name: string; operation: ModelOperation } {
  const target = request.headers['x-amz-target'];
  const prefix = `${model.metadata.targetPrefix}.`;
  if (typeof target !== 'string' || !target.startsWith(prefix)) throw unknownTarget();
  const name = target.slice(prefix.length);
  const operation = operationNamed(name);
  if (operation === undefined) throw unknownTarget();
  return { name, operation };
}

function unknownTarget(): UnknownOperationException {
  return new UnknownOperationException('The X-Amz-Target header names no operation of Athena.');
}
