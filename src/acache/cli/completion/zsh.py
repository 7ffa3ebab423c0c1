"""The script for zsh, which handles quotes itself and shows help texts."""

from __future__ import annotations

from acache.cli.completion.grammar import (
    ANYTHING,
    COMMAND,
    FILES,
    FOLDERS,
    WORDS,
    Command,
    Grammar,
    Option,
    Value,
)

_SCRIPT = r"""#compdef acache
# zsh completion of acache, as `acache completion zsh` prints it.

# Offer what acache finds in the store; its first line says whether a space follows.
_acache_ask() {
  local program=${~acache_line[1]} expl
  local -a offered
  (( $+commands[$program] )) || [[ -x $program ]] || program=acache
  offered=("${(@f)$("$program" completion --offer zsh $1 "${(Q)PREFIX}" "${(@Q)acache_line[2,-1]}" \
    2>/dev/null </dev/null)}")
  if [[ $offered[1] == nospace ]]; then
    _wanted $1 expl $2 compadd -S '' -a - 'offered[2,-1]'
  elif (( $#offered > 1 )); then
    _wanted $1 expl $2 compadd -a - 'offered[2,-1]'
  else
    return 1
  fi
} 2>/dev/null

_acache_commands() {
  local -a commands=(
COMMANDS
  )
  _describe -t commands command commands
}

_acache() {
  local curcontext=$curcontext state line ret=1
  local -a acache_line=("${(@)words[1,CURRENT-1]}")
  typeset -A opt_args
  _arguments -s -S -C : \
GROUP
    '(-): :_acache_commands' \
    '*:: :->command' && ret=0
  [[ $state == command ]] || return ret
  curcontext=${curcontext%:*:*}:acache-$line[1]:
  case $line[1] in
CASES
  esac
  return ret
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _acache "$@"
else
  compdef _acache acache
fi
"""
_ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\[]:"})


def script(grammar: Grammar) -> str:
    """Write the script."""
    names = [f"    {_quoted(f'{c.name}:{_escaped(c.help)}')}" for c in grammar.commands]
    group = [f"    {spec} \\" for option in grammar.group.options for spec in _specs(option)]
    return (
        _SCRIPT.replace("COMMANDS", "\n".join(names))
        .replace("GROUP", "\n".join(group))
        .replace("CASES", "\n".join(_case(command) for command in grammar.commands))
    )


def _case(command: Command) -> str:
    specs = [spec for option in command.options for spec in _specs(option)]
    start = "_arguments -s -S :"
    if command.argument is not None:
        specs += _arguments(command.argument)
    lines = " \\\n        ".join([start, *specs])
    return f"    {command.name})\n      {lines} && ret=0\n      ;;"


def _arguments(value: Value) -> list[str]:
    if value.kind == COMMAND:  # options end there
        return [_quoted("(-)1:script:_files"), _quoted("*:: :_normal")]
    return [_quoted(f"{'*' if value.many else '1'}{_action(value)}")]


def _specs(option: Option) -> list[str]:
    """Write an option under each of its names, which exclude each other."""
    names = " ".join(option.names)
    before = "*" if option.repeatable else f"({names})" if len(option.names) > 1 else ""
    value = "" if option.value is None else _action(option.value)
    text = f"[{_escaped(option.help)}]{value}"
    return [_quoted(f"{before}{_named(name, option)}{text}") for name in option.names]


def _named(name: str, option: Option) -> str:
    if option.value is None:
        return name
    return f"{name}=" if name.startswith("--") else f"{name}+"


def _action(value: Value) -> str:
    action = {
        WORDS: f"({' '.join(value.words)})",
        FILES: "_files",
        FOLDERS: "_files -/",
        ANYTHING: "",
    }.get(value.kind, f" _acache_ask {value.kind} {_plain(value.name)}")
    return f":{_plain(value.name)}:{action}"


def _plain(name: str) -> str:
    """Write the name of a value without characters that are special in zsh."""
    return name.strip("[].").replace("|", " or ").replace(" ", "-").lower()


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
