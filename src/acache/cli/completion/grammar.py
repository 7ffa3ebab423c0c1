"""The grammar of the command line as plain data, from which the scripts are made."""

from __future__ import annotations

from typing import NamedTuple

# Kinds of values. A script completes these by itself ...
WORDS = "words"
FILES = "files"
FOLDERS = "folders"
COMMAND = "command"
ANYTHING = "anything"
# ... and asks acache for these.
FUNCTIONS = "functions"
ENTRIES = "entries"
ENTRY_OR_FUNCTION = "entry-or-function"
LEVELS = "levels"
LEVEL = "level"
LEVEL_LIST = "level-list"
ASKED = (FUNCTIONS, ENTRIES, ENTRY_OR_FUNCTION, LEVELS, LEVEL, LEVEL_LIST)


class Value(NamedTuple):
    """The value of an option, or an argument."""

    name: str  # as in the help
    kind: str
    words: tuple[str, ...] = ()  # all choices of the kind ``words``
    many: bool = False  # whether it is an argument that takes several values


class Option(NamedTuple):
    """An option: its names, its help on one line, and its value unless it is a flag."""

    names: tuple[str, ...]
    help: str
    value: Value | None
    repeatable: bool


class Command(NamedTuple):
    """A command; the name of the group itself is empty."""

    name: str
    help: str
    options: tuple[Option, ...]
    argument: Value | None


class Grammar(NamedTuple):
    """The whole command line: the group's own options, and the commands."""

    group: Command
    commands: tuple[Command, ...]

    @property
    def all(self) -> tuple[Command, ...]:
        """The group, then the commands."""
        return (self.group, *self.commands)
