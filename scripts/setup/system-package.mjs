import { onPath } from './files.mjs';
import { CommandFailed, run } from './process.mjs';

/**
 * A program that tests need, where set-up may install packages of the system: as root, by apt-get. Elsewhere, and where there is none
 * to be had, those tests say how to get it.
 *
 * @param {object} options
 * @param {string} options.name of the package
 * @param {string} options.program that is in it
 * @param {string} options.purpose
 */
export function systemPackage({ name, program, purpose }) {
  return {
    title: name,

    isDone() {
      return onPath(program).length > 0 || process.getuid?.() !== 0 || onPath('apt-get').length === 0;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, { noteChild }) {
      const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, onStart: noteChild };
      try {
        progress.update("reading the system's lists of packages");
        await run('apt-get', ['update'], options);
        progress.update('installing it');
        await run('apt-get', ['install', '--yes', '--no-install-recommends', name], options);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        return `not to be had ${purpose}. Try: apt-get install ${name}`;
      }
      return purpose;
    },
  };
}
