"""What may stand where on the command line, as plain data: the scripts are made of it."""

from __future__ import annotations

from typing import NamedTuple

# What a value may be. A script knows these by itself ...
WORDS = "words"
FILES = "files"
FOLDERS = "folders"
COMMAND = "command"
ANYTHING = "anything"
# ... and asks acache for those.
FUNCTIONS = "functions"
ENTRIES = "entries"
ENTRY_OR_FUNCTION = "entry-or-function"
LEVELS = "levels"
LEVEL = "level"
LEVEL_LIST = "level-list"
ASKED = (FUNCTIONS, ENTRIES, ENTRY_OR_FUNCTION, LEVELS, LEVEL, LEVEL_LIST)


class Value(NamedTuple):
    """What is offered for an option's value, or for an argument.

    Attributes
    ----------
    name : str
        As the help has it.
    kind : str
        One of the kinds above.
    words : tuple of str
        For the kind ``words``: all that there are.
    many : bool
        Whether an argument takes several.
    """

    name: str
    kind: str
    words: tuple[str, ...] = ()
    many: bool = False


class Option(NamedTuple):
    """An option: its names, its help on one line, and its value unless it is a flag."""

    names: tuple[str, ...]
    help: str
    value: Value | None
    repeatable: bool


class Command(NamedTuple):
    """A command; the name of the group itself is empty.

    Attributes
    ----------
    name, help : str
    options : tuple of Option
    argument : Value or None
    """

    name: str
    help: str
    options: tuple[Option, ...]
    argument: Value | None


class Grammar(NamedTuple):
    """The whole command line: what stands before a command, and the commands."""

    group: Command
    commands: tuple[Command, ...]

    @property
    def all(self) -> tuple[Command, ...]:
        """The group, then the commands."""
        return (self.group, *self.commands)
