"""``acache completion``."""

from __future__ import annotations

import click

from acache.cli.completion import bash, fish, zsh
from acache.cli.completion.grammar import (
    ANYTHING,
    COMMAND,
    ENTRIES,
    ENTRY_OR_FUNCTION,
    FILES,
    FOLDERS,
    FUNCTIONS,
    LEVEL,
    LEVEL_LIST,
    LEVELS,
    WORDS,
    Command,
    Grammar,
    Option,
    Value,
)
from acache.cli.options import common_options

_SCRIPTS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
# By the metavar of a value, or else by the option's name.
_KINDS = {
    "FILE": FILES,
    "SRC": FILES,
    "SPEC": LEVELS,
    "[ENTRY]...": ENTRIES,
    "ENTRY|FUNCTION": ENTRY_OR_FUNCTION,
    "[--] SCRIPT|COMMAND [ARGS]...": COMMAND,
    "--cache-dir": FOLDERS,
    "--python": FILES,
    "--function": FUNCTIONS,
    "--level": LEVEL,
    "--levels": LEVEL_LIST,
}


@click.command(name="completion")
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
@common_options
@click.pass_context
def command(ctx: click.Context, *, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(acache completion bash)"       in ~/.bashrc
      eval "$(acache completion zsh)"        in ~/.zshrc, after compinit
      acache completion fish | source        in ~/.config/fish/config.fish
    """
    click.echo(_SCRIPTS[shell](grammar_of(ctx.find_root())), nl=False)


def grammar_of(root: click.Context) -> Grammar:
    """Derive the grammar from the commands."""
    group = root.command
    assert isinstance(group, click.Group)
    commands = []
    for name in group.list_commands(root):
        found = group.get_command(root, name)
        assert found is not None
        commands.append(_command(name, click.Context(found, parent=root, info_name=name)))
    names = Value("COMMAND", WORDS, tuple(command.name for command in commands))
    return Grammar(_command("", root)._replace(argument=names), tuple(commands))


def _command(name: str, ctx: click.Context) -> Command:
    parameters = ctx.command.get_params(ctx)
    options = [_option(one) for one in parameters if isinstance(one, click.Option)]
    arguments = [_value(one) for one in parameters if isinstance(one, click.Argument)]
    argument = arguments[0] if arguments else None
    if len(arguments) > 1:  # what completes the first of several completes all of them
        argument = arguments[0]._replace(many=True)
    return Command(name, ctx.command.get_short_help_str(limit=200), tuple(options), argument)


def _option(option: click.Option) -> Option:
    return Option(
        tuple(sorted(option.opts, key=len, reverse=True)),
        " ".join((option.help or "").partition("  [")[0].split()),
        None if option.is_flag or option.count else _value(option),
        option.multiple,
    )


def _value(parameter: click.Parameter) -> Value:
    metavar = parameter.metavar or ""
    if isinstance(parameter.type, click.Choice):
        words = tuple(str(choice) for choice in parameter.type.choices)
        return Value(metavar or str(parameter.name).upper(), WORDS, words)
    kind = _KINDS.get(metavar) or _KINDS.get(parameter.opts[0], ANYTHING)
    return Value(metavar, kind, many=parameter.nargs == -1)
