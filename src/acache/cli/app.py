"""The command line: the group of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    common_options,
    error,
    note,
    silence,
)
from acache.config.settings import debugging
from acache.system.errors import AcacheError

# As in --help. Each command is in the module, or the package, of its name.
GROUPS = {
    "Look": ("stats", "ls", "show", "find", "browse", "report"),
    "Trim": ("clear", "prune", "compress"),
    "Share": ("copy",),
    "Speed": ("bench", "run", "why", "simulate"),
    "Check": ("doctor", "verify", "config"),
    "Shell": ("completion",),
}
COMMANDS = tuple(command for group in GROUPS.values() for command in group)


class _Commands(GroupedHelp, click.Group):
    """A group that imports a command only when it is needed."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands before the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group, with a line for each command."""
        longest = max(map(len, COMMANDS))
        room = formatter.width - 6 - longest
        for title, names in GROUPS.items():
            rows = [
                (f"{name:{longest}}", command.get_short_help_str(room))
                for name in names
                if (command := self.get_command(ctx, name)) is not None
            ]
            with formatter.section(title):
                formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = "completion.command" if cmd_name == "completion" else cmd_name
        command = importlib.import_module(f"acache.cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(COMMANDS)}"
            ctx.fail(f"no such command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Inspect, trim, check and time the on-disk function caches of librosa and joblib.

    The configuration is librosa's: LIBROSA_CACHE_DIR, LIBROSA_CACHE_LEVEL and so on.
    """
    if ctx.invoked_subcommand is None:
        from acache.cli.overview import overview

        overview(ctx)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    _make_streams_safe()
    code = _run_to_exit_code(sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stderr.flush()
    except OSError:  # its reader has left; Python would change the exit code
        silence(sys.stderr)
    sys.exit(code)


def _run_to_exit_code(arguments: list[str]) -> int:
    """Run a command; turn what it raises into one line on stderr and an exit code."""
    try:
        return _run(arguments)
    except BrokenPipeError:  # the reader, `head` for instance, has enough
        silence(sys.stdout)
        return 0
    except (Exception, KeyboardInterrupt) as problem:
        if debugging():
            import traceback

            traceback.print_exc()
        code = _report(problem)
        try:
            sys.stdout.flush()
        except OSError:  # on a full disk for instance; Python would try again at its end
            silence(sys.stdout)
        return code


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("acache", arguments) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    finally:
        sys.stdout.flush()
    return 0


def _report(problem: BaseException) -> int:
    """Print one line about a problem, and return its exit code."""
    if isinstance(problem, click.UsageError):
        path = problem.ctx.command_path if problem.ctx else "acache"
        error(f"{_one_line(problem.format_message())} (see {path} --help)")
        return EXIT_USAGE
    if isinstance(problem, click.ClickException):
        error(_one_line(problem.format_message()))
        return EXIT_FAILED
    if isinstance(problem, AcacheError):
        error(str(problem))
        return problem.exit_code
    if isinstance(problem, click.Abort) and isinstance(problem.__context__, EOFError):
        error("declined: no answer")
        return EXIT_FAILED
    if isinstance(problem, (KeyboardInterrupt, click.Abort)):
        error("interrupted")
        return EXIT_INTERRUPTED
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        error(f"{where}{problem.strerror or problem}")
        return EXIT_FAILED
    error(f"internal error, {type(problem).__name__}: {problem}")
    note("please report it; ACACHE_DEBUG=1 shows the traceback")
    return EXIT_FAILED


def _one_line(message: str) -> str:
    return " ".join(message.split()).rstrip(".")


def _make_streams_safe() -> None:
    """Replace closed streams, and escape characters that the terminal's encoding lacks."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
