import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Node's own word on `node:sqlite` would stand in every start. */
const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning'];

/**
 * Lets another Node take this process's place, with its standard streams. Where Node can exec (22.15 and later) it is
 * the same process; else this one stays as a shell around it: passes signals on and ends as it ends.
 * @param {string} node
 * @param {readonly string[]} args script first
 */
export function become(node, args) {
  const all = [...NODE_OPTIONS, ...args];
  const { execve } = /** @type {{ execve?: (file: string, args: string[], env: NodeJS.ProcessEnv) => never }} */ (
    process
  );
  if (execve) execve.call(process, node, [node, ...all], process.env);

  const child = spawn(node, all, { stdio: 'inherit' });
  const signals = /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP']);
  // A terminal sends its signals to the child as well: whoever handles them must bear them twice.
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`parthenon: ${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1);
    for (const name of signals) process.removeAllListeners(name);
    // End by the same signal, so that a shell sees what happened; some cannot end us, then the usual code does.
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}
