"""The errors that acache raises, each with the exit code of a command that it ends."""

from __future__ import annotations


class AcacheError(Exception):
    """Base of every error that acache raises: its message is one line. Exit code 1."""

    exit_code = 1


class UsageError(AcacheError, ValueError):
    """A value that is not valid: which, and what to do. Exit code 2."""

    exit_code = 2


class ConfigurationError(UsageError):
    """The configuration does not allow what was asked: there is no location, for instance."""


class AcacheWarning(UserWarning):
    """A setting that acache cannot follow, with what it does instead."""
