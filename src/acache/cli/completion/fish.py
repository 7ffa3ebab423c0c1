"""The script for fish, which handles quotes itself and shows help texts."""

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

_SCRIPT = r"""# fish completion of acache, as `acache completion fish` prints it.

# Whether the word after an option of a command is its value.
function __acache_takes_value --argument-names command option
    switch "$command $option"
        case VALUED
            return 0
    end
    return 1
end

# Whether the cursor is at the options and arguments of a command, or at its `first` argument;
# what comes after the script of `run` is at `run-`.
function __acache_at --argument-names place first
    set -l given no
    set -l command ''
    set -l value no
    set -l operands no
    for word in (commandline -opc)[2..]
        if test $value = yes
            set value no
        else if test $operands = no; and string match -q -- -- "$word"
            set operands yes
        else if test $operands = no; and string match -q -- '-*' "$word"
            __acache_takes_value "$command" "$word"; and set value yes
        else if test -z "$command"
            set command $word
        else if contains -- $command SCRIPTED
            set command $command-
            break
        else
            set given yes
        end
    end
    string match -q -- "$place" "$command"; and test -z "$first" -o $given = no
end

# What acache finds in the store; its first line is for other shells.
function __acache_ask --argument-names kind
    # fish asks for arguments even where an option has been begun.
    string match -qr -- '^-[^=]*$' (commandline -ct); and return
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l plain (string unescape -- $current)
    or set plain (string replace -r -- '^["\']' '' $current)
    set -l program $words[1]
    command -q $program; or set program acache
    command -q $program; or return
    set -l offered (command $program completion --offer fish $kind "$plain" $words[2..] \
        2>/dev/null </dev/null)
    string join \n -- $offered[2..]
end

complete -c acache -f
LINES
"""


def script(grammar: Grammar) -> str:
    """Write the script."""
    valued = [
        _quoted(f"{command.name} {name}")
        for command in grammar.all
        for option in command.options
        if option.value is not None
        for name in option.names
    ]
    scripted = [command.name for command in grammar.commands if _runs(command)]
    lines = [line for command in grammar.all for line in _lines(command)]
    lines += [_named(command) for command in grammar.commands]
    return (
        _SCRIPT.replace("VALUED", " \\\n            ".join(valued))
        .replace("SCRIPTED", " ".join(scripted))
        .replace("LINES", "\n".join(lines))
    )


def _named(command: Command) -> str:
    return f"{_at('')} -a {command.name} -d {_quoted(command.help)}"


def _lines(command: Command) -> list[str]:
    lines = [f"{_at(command.name)} {_option(option)}" for option in command.options]
    if _runs(command):
        skipped = [name for o in command.options if o.value is not None for name in o.names]
        ask = f"(__fish_complete_subcommand --fcs-skip=2 {' '.join(skipped)})"
        lines += [f"{_at(command.name)} -F", f"{_at(f'{command.name}-')} -a {_quoted(ask)}"]
    elif command.argument is not None and command.name:
        place = command.name if command.argument.many else f"{command.name} first"
        lines.append(f"{_at(place)} {_value(command.argument)}")
    return lines


def _runs(command: Command) -> bool:
    return command.argument is not None and command.argument.kind == COMMAND


def _option(option: Option) -> str:
    names = [
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
    ]
    value = "" if option.value is None else f" -r {_value(option.value)}"
    return f"{' '.join(names)}{value} -d {_quoted(option.help)}"


def _value(value: Value) -> str:
    if value.kind == FILES:
        return "-F"
    offered = {
        WORDS: " ".join(value.words),
        FOLDERS: "(__fish_complete_directories)",
        ANYTHING: "",
    }.get(value.kind, f"(__acache_ask {value.kind})")
    return f"-f -a {_quoted(offered)}"


def _at(place: str) -> str:
    condition = f"__acache_at {place}" if place else '__acache_at ""'
    return f"complete -c acache -n {_quoted(condition)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
