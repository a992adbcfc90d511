// Writes the locks of all Python environments anew: npm run lock:python [-- --upgrade]
// Versions that a lock has already are kept unless --upgrade (or --upgrade-package NAME) is given.

import { join } from 'node:path';
import { checkout, runtimeFolder } from './setup/paths.mjs';
import { run } from './setup/process.mjs';
import { announce } from './setup/progress.mjs';
import { pipSettings } from './setup/python.mjs';
import { ensureUv } from './setup/uv.mjs';

const LOCKS = [
  ['scripts/setup/uv.in', 'scripts/setup/uv.lock.txt'],
  ['spark/build.in', 'spark/build.lock.txt'],
  ['spark/java.in', 'spark/java.lock.txt'],
  ['spark/requirements.in', 'spark/requirements.lock.txt'],
  ['test/clients/requirements.in', 'test/clients/requirements.lock.txt'],
];
const OPTIONS = [
  '--universal',
  '--python-version',
  '3.10',
  '--generate-hashes',
  '--no-emit-index-url',
  '--no-annotate',
];

const progress = announce('Python locks');
const uv = await ensureUv(runtimeFolder(), progress, () => {});
const env = {
  ...process.env,
  ...pipSettings(uv.python),
  NO_COLOR: '1',
  UV_CUSTOM_COMPILE_COMMAND: 'npm run lock:python',
};
for (const [requirements, lock] of LOCKS) {
  progress.update(String(lock));
  const files = [join(checkout, String(requirements)), '--output-file', join(checkout, String(lock))];
  await run(uv.command, ['pip', 'compile', ...OPTIONS, ...process.argv.slice(2), ...files], { cwd: checkout, env });
}
progress.end(`${LOCKS.length} written`);
