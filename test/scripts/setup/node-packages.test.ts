import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodePackages } from '../../../scripts/setup/node-packages.mjs';

/** npm itself runs, on a checkout whose only package lies beside it. */
describe('nodePackages', () => {
  let folder: string;
  const progress = { update: () => {}, end: () => {} };
  const held = { noteChild: () => {} };
  const installed = () => existsSync(join(folder, 'node_modules', 'tiny', 'package.json'));
  const step = () => nodePackages(folder);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'packages-'));
    vi.stubEnv('npm_config_offline', 'true');
    mkdirSync(join(folder, 'tiny'));
    writeFileSync(join(folder, 'tiny', 'package.json'), '{"name":"tiny","version":"1.0.0"}');
    writeLock('checkout');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  function writeLock(name: string) {
    const root = { name, version: '1.0.0', dependencies: { tiny: 'file:tiny' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(root));
    const packages = { '': root, 'node_modules/tiny': { resolved: 'tiny', link: true }, tiny: { version: '1.0.0' } };
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({ name, version: '1.0.0', lockfileVersion: 3, requires: true, packages }),
    );
  }

  it('installs what the lock lists, and knows the Node to run the project with', async () => {
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(installed()).toBe(true);
    expect(step().isDone()).toBe(true);
    expect(existsSync(step().node())).toBe(true);
  });

  it('links the command, so that npx finds it', async () => {
    await step().run(progress, held);
    expect(readlinkSync(join(folder, 'node_modules', '.bin', 'parthenon'))).toBe('../../bin/parthenon.mjs');
  });

  it('is to be done again when the lock changes', async () => {
    await step().run(progress, held);
    writeLock('renamed');
    expect(step().isDone()).toBe(false);
  });

  it('is to be done again when node_modules was removed', async () => {
    await step().run(progress, held);
    rmSync(join(folder, 'node_modules'), { recursive: true });
    expect(step().isDone()).toBe(false);
    await step().run(progress, held);
    expect(installed()).toBe(true);
  });

  it("installs anew what was interrupted: npm's own record is missing then", async () => {
    mkdirSync(join(folder, 'node_modules', 'left-behind'), { recursive: true });
    await step().run(progress, held);
    expect(installed()).toBe(true);
    expect(existsSync(join(folder, 'node_modules', 'left-behind'))).toBe(false);
  });

  it('leaves alone what a plain npm install has brought to the state of the lock', async () => {
    await step().run(progress, held);
    rmSync(join(folder, 'node_modules', '.parthenon.json'));
    mkdirSync(join(folder, 'node_modules', 'own'));
    await step().run(progress, held);
    expect(existsSync(join(folder, 'node_modules', 'own'))).toBe(true);
    expect(step().isDone()).toBe(true);
  });
});
