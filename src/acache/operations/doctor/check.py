"""What a check looks at, and what it says."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Literal, NamedTuple

from acache.config.settings import Config
from acache.operations.doctor.exposure import Exposed
from acache.operations.stats import StatsReport, stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.store import Progress, Store
from acache.system.text import quoted

Status = Literal["ok", "warning", "problem"]


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    id : str
        ``cache-dir``, ``level`` and so on; see `acache.operations.doctor.registry.CHECKS`.
    status : {"ok", "warning", "problem"}
    message : str
        What was found, and what follows for the user.
    fix : str or None
        The command, or the line for the shell, that repairs it.
    """

    id: str
    status: Status
    message: str
    fix: str | None = None


class Answer(NamedTuple):
    """What a check found; see `Check`."""

    status: Status
    message: str
    fix: str | None = None


def ok(message: str) -> Answer:
    """Answer that nothing is wrong."""
    return Answer("ok", message)


def warning(message: str, fix: str | None = None) -> Answer:
    """Answer that something may be wrong, or is not as good as it could be."""
    return Answer("warning", message, fix)


def problem(message: str, fix: str | None = None) -> Answer:
    """Answer that something is wrong."""
    return Answer("problem", message, fix)


class Subject:
    """What the checks look at: settings, installed packages, and the store.

    Parameters
    ----------
    config : Config
    opened : Store or Answer
        The store; or why there is none to look into.
    installed : InstalledSources
    progress : callable, optional
        Called now and then with the number of things that the scan has found.
    """

    def __init__(
        self,
        config: Config,
        opened: Store | Answer,
        installed: InstalledSources,
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.opened = opened
        self.installed = installed
        self.progress = progress

    @property
    def store(self) -> Store:
        """The store, for checks that are made only where there is one."""
        assert isinstance(self.opened, Store)
        return self.opened

    @property
    def report(self) -> StatsReport:
        """What the store holds."""
        return self._scanned[0]

    @property
    def exposed(self) -> Exposed:
        """The entries to which others than the user may write."""
        return self._scanned[1]

    @cached_property
    def _scanned(self) -> tuple[StatsReport, Exposed]:
        exposed = Exposed(self.store)
        report = stats(
            self.store,
            Levels(self.store, self.installed),
            cost=False,
            source_state=Drift(self.store, self.installed),
            fork=True,
            progress=self.progress,
            watcher=exposed,
        )
        return report, exposed


def command(config: Config, *arguments: str) -> str:
    """Write a command of acache that means the same configuration."""
    words = ["acache", *arguments]
    for option, setting in (
        ("--env-prefix", config.env_prefix),
        ("--cache-dir", config.cache_dir),
        ("--python", config.python),
    ):
        if setting.origin == "flag":
            words += [option, str(setting.value)]
    return " ".join(map(quoted, words))


def existing(path: str, *, strictly: bool = True) -> str:
    """Return the folder in which a path lies, or will; or the nearest thing that is no folder."""
    there = os.path.isdir if strictly else os.path.lexists
    while not there(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path
