"""The check of who may write to the store: the user has to, others must not: pickles run code."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import NamedTuple

from acache.config.settings import Config
from acache.operations.doctor.check import Answer, Subject, existing, ok, problem, warning
from acache.operations.doctor.exposure import MOST_KEPT, OTHERS_WRITE, Exposed, exposed_on_the_way
from acache.store.format import SOURCE, is_hash
from acache.store.local import Store
from acache.system.dirfd import Folder, close_folder, open_folder
from acache.system.text import counted, quoted

_MOST_NAMED = 3


class _Walk:
    """What a walk over the store's folders finds; links are not followed."""

    def __init__(self, store: Store, exposed: Exposed) -> None:
        self._exposed = exposed
        self.links: list[str] = []
        self.unreadable: list[str] = []
        self.read_only: list[str] = []
        self.read_only_functions: list[str] = []
        pending = [store.path]
        while pending:
            self._folder(pending.pop(), pending)

    def _folder(self, path: str, pending: list[str]) -> None:
        try:
            self._exposed.look(path, os.stat(path))
            if not _may(path, os.X_OK):
                self.unreadable.append(path)
                return
            folder = open_folder(path)
        except OSError:  # gone, or it may not be listed
            if os.path.isdir(path) and not _may(path, os.W_OK):
                self.read_only.append(path)
            return
        try:
            with contextlib.suppress(OSError):  # it vanishes meanwhile
                self._children(path, folder, pending)
        finally:
            close_folder(folder)

    def _children(self, path: str, folder: Folder, pending: list[str]) -> None:
        is_function = False
        with os.scandir(folder) as children:
            for child in children:
                name = child.name
                if child.is_symlink():
                    if child.is_dir():
                        self.links.append(f"{path}/{name}")
                elif not child.is_dir():
                    is_function = is_function or name == SOURCE
                elif not is_hash(name):
                    pending.append(f"{path}/{name}")
                else:
                    is_function = True
        if not _may(path, os.W_OK):
            (self.read_only_functions if is_function else self.read_only).append(path)


def check_permissions(subject: Subject) -> Answer:
    """Check who else may write to the store and its entries, and whether the user may."""
    config, store = subject.config, subject.store
    if os.name == "nt":
        return ok("who may write here is not checked on Windows")
    nearest = existing(store.path)
    if not store.exists and not _may(nearest, os.W_OK | os.X_OK):
        message = f"you may not write to {nearest}: {_raises(config)}"
        return _unusable(config, store, _Restriction(message, [nearest]))
    unread = subject.report.warnings
    walk = _Walk(store, subject.exposed)
    found, restriction = _exposed(config, store, subject.exposed), _restriction(config, walk)
    if found is not None and found.status == "problem":
        # That others can run code comes first.
        if restriction is not None:
            return found._replace(message=f"{found.message}; {restriction.message}")
        return found
    if restriction is not None:
        return _unusable(config, store, restriction)
    if walk.links:
        message = (
            f"joblib follows links, {_named(walk.links)}, to what acache does not check, count or"
            " remove"
        )
        return problem(message, f"rm {' '.join(map(quoted, walk.links))}")
    if found is None and unread:
        more = f", and {len(unread) - 1:,} more" if len(unread) > 1 else ""
        fix = f"chmod -R u+rwX {quoted(os.path.realpath(store.path))}"
        return warning(f"{unread[0]}{more}: what is in there was not checked", fix)
    return found or ok("nobody else may write to its folders and results")


class _Restriction(NamedTuple):
    """What the user may not do, and in which folders."""

    message: str
    folders: list[str]


def _restriction(config: Config, walk: _Walk) -> _Restriction | None:
    if walk.unreadable:
        message = (
            f"you may not look into {_named(walk.unreadable)}: {config.library} raises"
            " PermissionError at each call of a function in there"
        )
        return _Restriction(message, walk.unreadable)
    if walk.read_only:
        message = f"you may not write to {_named(walk.read_only)}: {_raises(config)}"
        return _Restriction(message, walk.read_only + walk.read_only_functions)
    if walk.read_only_functions:
        message = (
            f"you may not write to {_named(walk.read_only_functions)}: {config.library} stores"
            " nothing new there, with a warning at each call"
        )
        return _Restriction(message, walk.read_only_functions)
    return None


def _raises(config: Config) -> str:
    return (
        f"{config.library} raises PermissionError at the first use of a function that is not in"
        " the cache yet, and stores nothing new"
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
    run = f"whoever can write there can run code as you, as {config.library} loads pickles"
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
    if not _may(existing(path), os.W_OK | os.X_OK):
        return None
    return f"export {setting.variable}={own}"


def _may(path: str, mode: int) -> bool:
    """Return whether the user may do something to a path."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, mode, effective_ids=effective)


def _named(paths: Iterable[str]) -> str:
    paths = sorted(paths)
    named, more = ", ".join(paths[:_MOST_NAMED]), len(paths) - _MOST_NAMED
    if len(paths) >= MOST_KEPT:
        return f"{named} and at least {more:,} other places"
    return named if more <= 0 else f"{named} and {counted(more, 'more place')}"
