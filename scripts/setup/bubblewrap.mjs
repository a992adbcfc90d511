import { onPath } from './files.mjs';
import { CommandFailed, run } from './process.mjs';

/**
 * bubblewrap, which the tests of the sandbox need, where set-up may install packages of the system: as root, by apt-get. Elsewhere
 * those tests say that they did not run, and why.
 */
export function bubblewrap() {
  return {
    title: 'bubblewrap',

    isDone() {
      return onPath('bwrap').length > 0 || process.getuid?.() !== 0 || onPath('apt-get').length === 0;
    },

    /** @type {import('./setup.mjs').Step['run']} */
    async run(progress, { noteChild }) {
      const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, onStart: noteChild };
      try {
        progress.update("reading the system's lists of packages");
        await run('apt-get', ['update'], options);
        progress.update('installing it');
        await run('apt-get', ['install', '--yes', '--no-install-recommends', 'bubblewrap'], options);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        return 'not to be had; what needs it is not tested. Try: apt-get install bubblewrap';
      }
      return 'for the tests of the sandbox';
    },
  };
}
