import * as athena from '@aws-sdk/client-athena';

/** The part of an operation's schema that is needed: `[kind, namespace, name, traits, input, output]`. */
type OperationSchema = readonly [number, string, string, unknown, unknown, () => unknown];

const serializers = new Map<string, (output: object) => Buffer>();

/** The SDK's own codec for AWS JSON 1.1, so that what it reads is what we write: timestamps in epoch seconds with fractions. */
const codec = codecOfSdk();

/**
 * Encodes an operation's output by its shape in `@aws-sdk/client-athena`; members that the shape does not have are left out.
 * @returns the JSON body, UTF-8
 */
export function encodeOutput(operationName: string, output: object): Buffer {
  let serialize = serializers.get(operationName);
  if (serialize === undefined) {
    serialize = serializerOf(operationName);
    serializers.set(operationName, serialize);
  }
  return serialize(output);
}

/** The SDK's schema of an operation. */
export function operationSchema(operationName: string): OperationSchema {
  const schema: unknown = Reflect.get(athena, `${operationName}$`);
  if (!Array.isArray(schema)) throw new Error(`@aws-sdk/client-athena has no schema of ${operationName}`);
  return schema as unknown as OperationSchema;
}

function serializerOf(operationName: string): (output: object) => Buffer {
  const outputSchema = operationSchema(operationName)[5]();
  const serializer = codec.createSerializer();
  return (output) => {
    serializer.write(outputSchema, output);
    return Buffer.copyBytesFrom(serializer.flush());
  };
}

interface Serializer {
  write(schema: unknown, value: unknown): void;
  flush(): Uint8Array;
}

/** A client that never calls anybody: the codec hangs on its protocol. */
function codecOfSdk(): { createSerializer(): Serializer } {
  const credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
  const { protocol } = new athena.AthenaClient({ region: 'us-east-1', credentials }).config;
  if (!('getPayloadCodec' in protocol) || typeof protocol.getPayloadCodec !== 'function') {
    throw new Error('the protocol of @aws-sdk/client-athena has no payload codec');
  }
  return protocol.getPayloadCodec();
}
