// Runs all tests, or those whose files match the arguments, after set-up: npm test [-- FILTER …] [-- --vitest-option]
// Leaves test-results/junit.xml and test-results/report.txt.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkout } from './setup/paths.mjs';
import { setUpOrExit } from './setup/setup.mjs';

const results = join(checkout, 'test-results');
const node = await setUpOrExit({ spark: true, clients: true });

rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const vitest = [
  join(checkout, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=junit',
  `--outputFile.junit=${join(results, 'junit.xml')}`,
  ...process.argv.slice(2),
];
const child = spawn(node, vitest, {
  cwd: checkout,
  stdio: ['ignore', 'pipe', 'pipe'],
  env: {
    // A terminal here is one for the tests too, although they write to a pipe.
    ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
    ...process.env,
    // What tests start as `node` is that Node as well.
    PATH: `${dirname(node)}:${process.env.PATH}`,
  },
});
const report = createWriteStream(join(results, 'report.txt'));
for (const [from, to] of /** @type {const} */ ([
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
])) {
  from.setEncoding('utf8').on('data', (text) => {
    to.write(text);
    report.write(stripVTControlCharacters(text));
  });
}
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  report.end();
  process.exitCode = code ?? 1;
});
