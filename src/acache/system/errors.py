"""What can go wrong, each kind with the exit code that it ends a command with."""

from __future__ import annotations


class AcacheError(Exception):
    """Base of every error that acache raises on purpose: one clear line, exit code 1."""

    exit_code = 1


class UsageError(AcacheError, ValueError):
    """A value that makes no sense: what it is, and what to do. Exit code 2."""

    exit_code = 2


class ConfigurationError(UsageError):
    """The configuration does not allow what was asked, no location for instance. Exit code 2."""


class AcacheWarning(UserWarning):
    """A setting that acache could not follow; it says what is done instead."""
