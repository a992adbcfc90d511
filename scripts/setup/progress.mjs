/** How often a line that changes is printed where lines cannot be overwritten. */
const PLAIN_INTERVAL_MS = 5_000;

/**
 * @typedef {object} Progress one step's voice
 * @property {(detail: string) => void} update what the step is at, e.g. `12 of 80`; as often as one likes
 * @property {(detail?: string) => void} end the step is done
 */

/**
 * Announces a step on standard error, since standard output belongs to the command (`parthenon env` is evaluated by
 * shells). A terminal shows one line that changes; elsewhere a line is added now and then.
 * @param {string} title
 * @param {NodeJS.WriteStream} [stream]
 * @returns {Progress}
 */
export function announce(title, stream = process.stderr) {
  const started = Date.now();
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
  let detail = '';
  let printedAt = started;

  const print = () => {
    printedAt = Date.now();
    const line = `parthenon: ${title}${detail && `: ${detail}`} (${seconds()})`;
    stream.write(stream.isTTY ? `\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}` : `${line}\n`);
  };

  stream.write(`parthenon: ${title} …${stream.isTTY ? '' : '\n'}`);
  const timer = setInterval(
    () => (stream.isTTY || Date.now() - printedAt >= PLAIN_INTERVAL_MS) && print(),
    stream.isTTY ? 200 : 1_000,
  );
  return {
    update(text) {
      detail = text;
    },
    end(text = 'done') {
      clearInterval(timer);
      stream.write(`${stream.isTTY ? '\r\x1b[K' : ''}parthenon: ${title}: ${text} (${seconds()})\n`);
    },
  };
}
