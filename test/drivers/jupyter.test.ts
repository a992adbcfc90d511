import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { JupyterCodec } from '../../src/drivers/jupyter.ts';

const request = { type: 'execute_request', content: { code: 'print("é")' }, metadata: { calculation_id: 'c' } };

describe('JupyterCodec', () => {
  test('reads what it wrote, behind the identities that a router puts before it', () => {
    const codec = new JupyterCodec('key');
    const { id, frames } = codec.encode(request);
    const message = codec.decode([Buffer.from('identity'), ...frames]);
    expect(message).toMatchObject({ id, type: 'execute_request', content: request.content, parentId: undefined });
  });

  test('refuses what another key signed', () => {
    const { frames } = new JupyterCodec('another').encode(request);
    expect(new JupyterCodec('key').decode(frames)).toBeUndefined();
  });

  test.each([2, 3, 4, 5])('refuses a message whose frame %i was changed', (frame) => {
    const codec = new JupyterCodec('key');
    const { frames } = codec.encode(request);
    frames[frame] = Buffer.from('{"changed":true}');
    expect(codec.decode(frames)).toBeUndefined();
  });

  test('refuses what is signed and no JSON', () => {
    const codec = new JupyterCodec('key');
    const parts = ['{', '{}', '{}', '{}'].map((part) => Buffer.from(part));
    const hmac = createHmac('sha256', 'key');
    for (const part of parts) hmac.update(part);
    expect(codec.decode([Buffer.from('<IDS|MSG>'), Buffer.from(hmac.digest('hex')), ...parts])).toBeUndefined();
  });

  test('refuses frames without a delimiter, and too few of them', () => {
    const codec = new JupyterCodec('key');
    const { frames } = codec.encode(request);
    expect(codec.decode(frames.slice(1))).toBeUndefined();
    expect(codec.decode(frames.slice(0, 4))).toBeUndefined();
  });
});
