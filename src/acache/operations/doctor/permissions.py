"""The check of who may write to the store: the user has to, others must not: pickles run code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from acache.config.settings import Config
from acache.operations.doctor.check import Answer, Subject, existing, ok, problem, warning
from acache.operations.doctor.exposure import MOST_KEPT, OTHERS_WRITE, Exposed, exposed_on_the_way
from acache.store.store import Store
from acache.system.text import counted, quoted

_MOST_NAMED = 3


class _Folders:
    """What the user may not do in the store's folders, and the links that joblib follows there."""

    def __init__(self, store: Store, exposed: Exposed) -> None:
        self.links: list[str] = []
        self.unreadable: list[str] = []
        self.read_only: list[str] = []
        self.read_only_functions: list[str] = []
        for folder in store.folders():
            exposed.look(folder.path, folder.status)
            self.links += folder.links
            if not may(folder.path, os.X_OK):
                self.unreadable.append(folder.path)
            elif not may(folder.path, os.W_OK):
                read_only = self.read_only_functions if folder.is_function else self.read_only
                read_only.append(folder.path)


def check_permissions(subject: Subject) -> Answer:
    """Check who else may write to the store and its entries, and whether the user may."""
    config, store = subject.config, subject.store
    if os.name == "nt":
        return ok("who may write here is not checked on Windows")
    nearest = existing(store.path)
    if not store.exists and not may(nearest, os.W_OK | os.X_OK):
        message = f"you may not write to {nearest}: {_raises(config)}"
        return _unusable(config, store, _Restriction(message, [nearest]))
    unread = subject.report.warnings
    folders = _Folders(store, subject.exposed)
    found, restriction = _exposed(config, store, subject.exposed), _restriction(config, folders)
    if found is not None and found.status == "problem":
        # That others can run code comes first.
        if restriction is not None:
            return found._replace(message=f"{found.message}; {restriction.message}")
        return found
    if restriction is not None:
        return _unusable(config, store, restriction)
    if folders.links:
        message = (
            f"joblib follows links, {_named(folders.links)}, to what acache does not check, count"
            " or remove"
        )
        return problem(message, f"rm {' '.join(map(quoted, folders.links))}")
    if found is None and unread:
        more = f", and {len(unread) - 1:,} more" if len(unread) > 1 else ""
        fix = f"chmod -R u+rwX {quoted(os.path.realpath(store.path))}"
        return warning(f"{unread[0]}{more}: what is in there was not checked", fix)
    return found or ok("nobody else may write to its folders and results")


class _Restriction(NamedTuple):
    """What the user may not do, and in which folders."""

    message: str
    folders: list[str]


def _restriction(config: Config, folders: _Folders) -> _Restriction | None:
    if folders.unreadable:
        message = (
            f"you may not look into {_named(folders.unreadable)}: {config.cached_library} raises"
            " PermissionError at each call of a function in there"
        )
        return _Restriction(message, folders.unreadable)
    if folders.read_only:
        message = f"you may not write to {_named(folders.read_only)}: {_raises(config)}"
        return _Restriction(message, folders.read_only + folders.read_only_functions)
    if folders.read_only_functions:
        message = (
            f"you may not write to {_named(folders.read_only_functions)}:"
            f" {config.cached_library} stores nothing new there, with a warning at each call"
        )
        return _Restriction(message, folders.read_only_functions)
    return None


def _raises(config: Config) -> str:
    return (
        f"{config.cached_library} raises PermissionError at the first use of a function that is not"
        " in the cache yet, and stores nothing new"
    )


def _unusable(config: Config, store: Store, restriction: _Restriction) -> Answer:
    message, folders = restriction
    if os.statvfs(folders[0]).f_flag & os.ST_RDONLY:
        return problem(f"its disk is mounted read-only: {message}", elsewhere(config))
    if not all(os.stat(folder).st_uid == os.geteuid() for folder in folders):
        return problem(message, elsewhere(config))
    if store.exists:
        return problem(message, f"chmod -R u+rwX {quoted(os.path.realpath(store.path))}")
    return problem(message, f"chmod u+rwx {quoted(folders[0])}")


def _exposed(config: Config, store: Store, inside: Exposed) -> Answer | None:
    """Return who else may write to the store or replace it; None if nobody."""
    around = exposed_on_the_way(store.path)
    run = f"whoever can write there can run code as you, as {config.cached_library} loads pickles"
    group, foreign = around.group | inside.group, around.foreign | inside.foreign
    answer = warning
    if around.everybody:
        answer = problem
        who = f"everybody may replace what is in {_named(around.everybody)}, this cache included"
    elif inside.everybody:
        answer = problem
        who = f"everybody may write to {_named(inside.everybody)}"
    elif group:
        who = f"a group may write to {_named(group)}"
    elif foreign:
        who = f"another user owns {_named(foreign)}"
    elif not store.exists and os.stat(existing(store.path)).st_mode & OTHERS_WRITE:
        who = f"everybody may make {store.location}, which is not there yet, before you do"
        return warning(f"{who}; {run}", f"mkdir -p -m 700 {quoted(store.location)}")
    else:
        return None
    fix = elsewhere(config)
    if around.fixable and inside.fixable:
        above = sorted(around.everybody | around.group)
        lines = [f"chmod go-w {' '.join(map(quoted, above))}"] if above else []
        if inside.everybody or inside.group:
            lines.append(f"chmod -R go-w {quoted(os.path.realpath(store.path))}")
        fix = " && ".join(lines)
    return answer(f"{who}; {run}", fix)


def elsewhere(config: Config) -> str | None:
    """Write the line that sets a location of the user's own; None where that would not help."""
    setting = config.cache_dir
    own = f"~/.cache/{config.prefix.lower()}"
    path = os.path.expanduser(own)
    if setting.origin == "flag" or setting.value == path:
        return None
    around = exposed_on_the_way(f"{path}/joblib")
    if around.everybody or around.group or around.foreign:
        return None
    if not may(existing(path), os.W_OK | os.X_OK):
        return None
    return f"export {setting.variable}={own}"


def may(path: str, mode: int) -> bool:
    """Return whether the user may do something to a path."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, mode, effective_ids=effective)


def _named(paths: Iterable[str]) -> str:
    paths = sorted(paths)
    named, more = ", ".join(paths[:_MOST_NAMED]), len(paths) - _MOST_NAMED
    if len(paths) >= MOST_KEPT:
        return f"{named} and at least {more:,} other places"
    return named if more <= 0 else f"{named} and {counted(more, 'more place')}"
