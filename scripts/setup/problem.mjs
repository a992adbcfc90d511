/** Something that only the user can mend. Its message is one sentence, with the command that helps where there is one. */
export class SetupProblem extends Error {
  /** @override */
  name = 'SetupProblem';
}
