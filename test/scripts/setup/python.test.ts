import { afterEach, describe, expect, it, vi } from 'vitest';
import { parsePipConfiguration, pipSettings } from '../../../scripts/setup/python.mjs';

describe("pip's settings for uv", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('reads what pip prints, and lets install count more than global', () => {
    const output = [
      ":env:.index-url='https://env.example/simple'",
      "global.index-url='https://global.example/simple'",
      "global.cert='/etc/ca.pem'",
      "install.index-url='https://install.example/simple'",
      "install.trusted-host='\\na.example\\nb.example'",
    ].join('\n');
    expect(parsePipConfiguration(output)).toEqual({
      'index-url': 'https://install.example/simple',
      cert: '/etc/ca.pem',
      'trusted-host': ' a.example b.example',
    });
  });

  it("hands pip's variables on as uv's", () => {
    for (const name of ['UV_DEFAULT_INDEX', 'UV_INDEX_URL', 'UV_FIND_LINKS', 'SSL_CERT_FILE'])
      vi.stubEnv(name, undefined);
    vi.stubEnv('PIP_INDEX_URL', 'https://mirror.example/simple');
    vi.stubEnv('PIP_FIND_LINKS', '/a /b');
    vi.stubEnv('PIP_CERT', '/etc/ca.pem');
    expect(pipSettings(undefined)).toMatchObject({
      UV_DEFAULT_INDEX: 'https://mirror.example/simple',
      UV_FIND_LINKS: '/a,/b',
      SSL_CERT_FILE: '/etc/ca.pem',
    });
  });

  it.each(['UV_DEFAULT_INDEX', 'UV_INDEX_URL'])('leaves the index alone when %s is set', (name) => {
    vi.stubEnv('PIP_INDEX_URL', 'https://mirror.example/simple');
    vi.stubEnv(name, 'https://own.example/simple');
    expect(pipSettings(undefined)).not.toHaveProperty('UV_DEFAULT_INDEX');
  });
});
