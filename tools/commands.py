"""Print the reference of all commands, as Markdown, from the commands themselves: `make docs`.

It is built from the parameters, as the help that click prints depends on click's version and on the
width of the terminal.
"""

from __future__ import annotations

import inspect
import re
import sys

import click

from acache.cli.app import COMMANDS, cli
from acache.operations.doctor.registry import CHECKS

INTRODUCTION = """\
# Commands

`make docs` writes this page from the commands. `acache COMMAND --help` prints the same.

Reports go to stdout, notes and warnings to stderr. `--json` prints [one JSON document](json.md).
No command loads a cached result. Only `clear`, `prune`, `browse`, `compress`, `verify --delete`,
`verify --delete-unsafe`, `copy` in its target, and the script that `run` runs change a store. Only
`show`, `browse`, `verify`, `copy` and `report` can change the last access of an entry, if the entry
belongs to another user; they print a note when they do.

| exit code | meaning |
|---|---|
| 0 | success, or nothing to do |
| 1 | a failure, or the answer "no" |
| 2 | wrong usage or configuration |
| 3 | `doctor` or `verify` found a problem |
| 4 | `bench --fail-under`: no level is fast enough |
| 130 | interrupted with Ctrl-C |

`run` exits with the code of what it ran.
"""
EXIT_CODES = {
    "copy": "1 if anything that was selected could not be copied, or was refused or left out.",
    "bench": "4 if no level's speed-up is as high as `--fail-under`.",
    "run": "the one of the script or command; 128+N if signal N ended it, 127 if there is no such"
    " script or command, 126 if it cannot be executed.",
    "doctor": "3 if there is a problem.",
    "verify": "3 if there are problems that the same command does not remove.",
}
EXAMPLES = re.compile(r"[\b]?\n?^Examples:\n", re.MULTILINE)


def page() -> str:
    """Write the whole page."""
    commands = {name: command(name) for name in COMMANDS}
    selecting = [one for one in commands.values() if any(map(selects, one.params))]
    common = options(cli)
    selection = shared(selecting)
    lines = [INTRODUCTION, "| command | summary |", "|---|---|"]
    for name, made in commands.items():
        lines.append(f"| [acache {name}](#acache-{name}) | {cell(summary(made))} |")
    lines += ["", "## Options of every command", ""]
    lines += ["They may stand before or after the name of the command, and so may `--help`.", ""]
    lines += [*table(common), "", "## Selection", ""]
    lines += [
        f"Options of {listed(selecting)}, which also take ids; `-` reads ids from stdin.",
        "[Selecting entries](selection.md) explains them.",
    ]
    lines += ["", *table(selection)]
    for name, made in commands.items():
        lines += section(name, made, common, selection)
    return "\n".join(lines) + "\n"


def command(name: str) -> click.Command:
    """Return a command."""
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def section(name: str, made: click.Command, *elsewhere: list[click.Option]) -> list[str]:
    """Write the section of a command."""
    text, *examples = EXAMPLES.split(inspect.cleandoc(made.help or ""))
    words = ["acache", name, "[OPTIONS]", *map(argument, made.params)]
    lines = ["", f"## acache {name}", "", "```", " ".join(filter(None, words)), "```", ""]
    lines += [code(text.strip())]
    above = {key(option) for known in elsewhere for option in known}
    own = [option for option in options(made) if key(option) not in above]
    lines += ["", *table(own)] if own else []
    if any(map(selects, made.params)):
        lines += ["", "Also takes the options of a [selection](#selection)."]
    if name in EXIT_CODES:
        lines += ["", f"Exit code: {EXIT_CODES[name]}"]
    if name == "doctor":
        rows = [f"| `{check.id}` | {cell(code(check.summary))} |" for check in CHECKS]
        lines += [
            "",
            "The checks, in order:",
            "",
            "| check | checks that |",
            "|---|---|",
            *rows,
        ]
    for block in examples:
        lines += ["", "```sh", *(line.strip() for line in block.splitlines()), "```"]
    return lines


def options(made: click.Command) -> list[click.Option]:
    """Return a command's options."""
    return [option for option in made.params if isinstance(option, click.Option)]


def key(option: click.Option) -> tuple[str | None, str | None]:
    """Return what identifies an option: the ``--level`` of `run` is not that of a selection."""
    return option.name, option.help


def selects(parameter: click.Parameter) -> bool:
    """Return whether a parameter takes the entries of a selection."""
    return isinstance(parameter, click.Argument) and parameter.name == "ids"


def shared(commands: list[click.Command]) -> list[click.Option]:
    """Return the options that all these commands have, and no other command."""
    others = [made for made in map(command, COMMANDS) if made not in commands]
    foreign = {key(option) for made in others for option in options(made)}
    common = set.intersection(*({key(option) for option in options(made)} for made in commands))
    return [one for one in options(commands[0]) if key(one) in common - foreign]


def listed(commands: list[click.Command]) -> str:
    """List commands in a sentence."""
    *first, last = [f"`{made.name}`" for made in commands]
    return f"{', '.join(first)} and {last}"


def summary(made: click.Command) -> str:
    """Return the first sentence of a command's help."""
    paragraph = " ".join(inspect.cleandoc(made.help or "").partition("\n\n")[0].split())
    return code(re.split(r"(?<=\.) ", paragraph)[0])


def argument(parameter: click.Parameter) -> str:
    """Write an argument as in a command line; an empty string for an option."""
    if not isinstance(parameter, click.Argument):
        return ""
    return parameter.metavar or str(parameter.name).upper()


def table(options: list[click.Option]) -> list[str]:
    """Write options, a row each."""
    rows = [f"| {cell(names(option))} | {cell(meaning(option))} |" for option in options]
    return ["| option | meaning |", "|---|---|", *rows]


def names(option: click.Option) -> str:
    """Write the names of an option and its value."""
    value = "" if option.is_flag else f" {option.metavar or choice(option)}"
    return ", ".join(f"`{name}{value}`" for name in option.opts)


def choice(option: click.Option) -> str:
    """Write the choices of an option, or else the kind of its value."""
    kind = option.type
    return "|".join(kind.choices) if isinstance(kind, click.Choice) else str(kind.name).upper()


def meaning(option: click.Option) -> str:
    """Write an option's help and its default."""
    text = code(" ".join((option.help or "").split()))
    if option.show_default and not option.is_flag:
        text += f" Default: `{option.default}`."
    text = re.sub(r" *\[default: (.*?)\]", r" Default: \1.", text)
    return f"{text} May be repeated." if option.multiple else text


def code(text: str) -> str:
    """Put options and variables into backticks."""
    return re.sub(r"(?<![\w`-])(--?[a-z][a-z-]*|[A-Z]+_[A-Z_]+)(?![\w`-])", r"`\1`", text)


def cell(text: str) -> str:
    """Escape the text of a table's cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(page())
