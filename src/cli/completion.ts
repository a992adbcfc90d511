/** Completion for bash, zsh and fish: scripts that are made of the tree of commands itself and ask nobody at a keystroke. */
import { Argument, type Command, type Option } from 'commander';

/** What can stand after the words of a command. */
interface Node {
  /** `/sessions/start`; empty for the program. */
  readonly path: string;
  readonly commands: readonly Command[];
  /** Of its arguments. */
  readonly choices: readonly string[];
  readonly options: readonly Option[];
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Adds `parthenon completion <shell>`; to be called when all other commands are there. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      '\nbash and zsh, in .bashrc or .zshrc:\n  source <(parthenon completion bash)\nfish:\n  parthenon completion fish | source',
    )
    .action((shell: keyof typeof SCRIPTS) => console.log(SCRIPTS[shell](nodesOf(program))));
}

function nodesOf(command: Command, path = ''): Node[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const node = { path, commands, choices, options: help.visibleOptions(command) };
  return [node, ...commands.flatMap((each) => nodesOf(each, `${path}/${each.name()}`))];
}

/** Where it has no words of its own, the shell completes files. `words` and `path` are zsh's, which runs this too. */
function bashScript(nodes: readonly Node[]): string {
  const paths = nodes.map(({ path }) => path).filter((path) => path !== '');
  const values = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ argChoices }) => argChoices !== undefined)
      .map(({ long, argChoices = [] }) => `    "${path} ${long}") own="${argChoices.join(' ')}" ;;`),
  );
  const words = nodes.map(({ path, commands, choices, options }) => {
    const own = [...commands.map((each) => each.name()), ...choices];
    const flags = options.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined);
    return `    "${path} ") [[ $word == -* ]] && own="${flags.join(' ')}" || own="${own.join(' ')}" ;;`;
  });
  return `_parthenon() {
  local place= own= word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place/\${COMP_WORDS[i]}" in
      ${paths.join('|')}) place="$place/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$place $before" in
${values.join('\n')}
    *) case "$place " in
${words.map((line) => `  ${line}`).join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$own" -- "$word"))
}
complete -o default -F _parthenon parthenon`;
}

/** zsh runs functions for bash, which many programs' completion is. */
function zshScript(nodes: readonly Node[]): string {
  return `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit
${bashScript(nodes)}`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const words = path.split('/').slice(1);
    const here = `string match -q "*parthenon ${words.map((word) => `${word} `).join('')}*" (commandline -opc | string join " ")" "`;
    const next = `test (count (commandline -opc)) -eq ${words.length + 1}; and ${here}`;
    return [
      ...commands.map(
        (each) => `complete -c parthenon -f -n ${quoted(next)} -a ${each.name()} -d ${quoted(each.description())}`,
      ),
      ...options.map(
        (option) => `complete -c parthenon -n ${quoted(here)}${fishOption(option)} -d ${quoted(option.description)}`,
      ),
    ];
  });
  return lines.join('\n');
}

function fishOption({ short, long, required, argChoices }: Option): string {
  const names = [short && ` -s ${short.slice(1)}`, long && ` -l ${long.slice(2)}`].filter((each) => each !== undefined);
  const values = argChoices ? ` -x -a ${quoted(argChoices.join(' '))}` : required ? ' -r' : '';
  return names.join('') + values;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
