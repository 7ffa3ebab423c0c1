"""The check of who may write to the store: the user has to, others must not: pickles run code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from stat import S_ISLNK

from acache.config.settings import Config
from acache.operations.doctor.check import Check, Status, count, existing, library, own_location
from acache.store.format import OUTPUT
from acache.store.store import Store
from acache.system.text import quoted

_OTHERS_WRITE, _GROUP_WRITES, _STICKY = 0o002, 0o020, 0o1000
_MOST_LINKS = 40  # in a path, as on Linux
_MOST_NAMED = 3
_MOST_KEPT = 1000  # paths; of a large store each entry may be one


class Exposed:
    """What others than the user may write to, a thousand of each kind; a watcher of entries.

    Parameters
    ----------
    store : Store or None
        Whose entries are watched.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.everybody: set[str] = set()
        self.group: set[str] = set()
        self.foreign: set[str] = set()
        self.mendable = True  # with chmod, by the user
        self._store = store
        self._own = os.geteuid() if hasattr(os, "geteuid") else 0

    def entry(self, path: str, folder: os.stat_result, output: os.stat_result) -> None:
        """Judge who may write to an entry."""
        modes = (folder.st_mode | output.st_mode) & (_OTHERS_WRITE | _GROUP_WRITES)
        if modes or not folder.st_uid == output.st_uid == self._own:
            address = path if self._store is None else self._store.address(path)
            self.look(address, folder)
            self.look(f"{address}/{OUTPUT}", output)

    def merge(self, other: Exposed) -> None:
        """Take what was found in another process."""
        self.everybody |= other.everybody
        self.group |= other.group
        self.foreign |= other.foreign
        self.mendable = self.mendable and other.mendable

    def look(self, path: str, status: os.stat_result, *, sticky: bool = False) -> None:
        """Judge who may write to something; what is in a sticky folder others cannot replace."""
        mode, user = status.st_mode, status.st_uid
        if user not in (self._own, 0):
            _keep(self.foreign, path)
            self.mendable = False
        if not mode & (_OTHERS_WRITE | _GROUP_WRITES) or S_ISLNK(mode):
            return
        if sticky and mode & _STICKY:
            return
        if mode & _OTHERS_WRITE:
            _keep(self.everybody, path)
        elif not _is_private(status.st_gid, user):
            _keep(self.group, path)
        else:
            return
        self.mendable = self.mendable and self._own in (user, 0)


def _keep(kept: set[str], path: str) -> None:
    if len(kept) < _MOST_KEPT:
        kept.add(path)


class _Folders:
    """What the user may not do in the store's folders, and the links that joblib follows there."""

    def __init__(self, store: Store, exposed: Exposed) -> None:
        self.links: list[str] = []
        self.shut: list[str] = []
        self.locked: list[str] = []
        self.locked_functions: list[str] = []
        for folder in store.folders():
            exposed.look(folder.path, folder.status)
            self.links += folder.links
            if not may(folder.path, os.X_OK):
                self.shut.append(folder.path)
            elif not may(folder.path, os.W_OK):
                (self.locked_functions if folder.is_function else self.locked).append(folder.path)


def check_permissions(
    config: Config, store: Store, exposed: Exposed, unread: Sequence[str] = ()
) -> Check:
    """Tell who else may write to the store and its entries, and whether the user may.

    `unread` says of what a scan could not look into why.
    """
    if os.name == "nt":
        return Check("permissions", "ok", "Windows does not tell who may write here in short")
    nearest = existing(store.path)
    if not store.exists and not may(nearest, os.W_OK | os.X_OK):
        return _unusable(config, store, f"you may not write to {nearest}: {_raises(config)}",
                         [nearest])  # fmt: skip
    walk = _Folders(store, exposed)
    found, barred = _exposed(config, store, exposed), _barred(config, store, walk)
    if found is not None and found.status == "problem":
        # That others can run code comes first.
        return found if barred is None else found._replace(message=f"{found.message}; {barred[0]}")
    if barred is not None:
        return _unusable(config, store, *barred)
    if walk.links:
        message = (
            f"joblib follows links, {_named(walk.links)}, to what acache does not check, count or"
            " remove"
        )
        rm = " ".join(map(quoted, walk.links))
        return Check("permissions", "problem", message, f"rm {rm}")
    if found is None and unread:
        more = f", and {len(unread) - 1:,} more" if len(unread) > 1 else ""
        message = f"{unread[0]}{more}: what is in there was not checked"
        fix = f"chmod -R u+rwX {quoted(os.path.realpath(store.path))}"
        return Check("permissions", "warning", message, fix)
    return found or Check("permissions", "ok", "nobody else may write to its folders and results")


def _barred(config: Config, store: Store, walk: _Folders) -> tuple[str, list[str]] | None:
    """Tell what the user may not do, and in which folders; None if there is nothing."""
    if walk.shut:
        message = f"you may not look into {_named(walk.shut)}: {library(config)} raises"
        return f"{message} PermissionError at each call of a function in there", walk.shut
    if walk.locked:
        message = f"you may not write to {_named(walk.locked)}: {_raises(config)}"
        return message, walk.locked + walk.locked_functions
    if walk.locked_functions:
        message = f"you may not write to {_named(walk.locked_functions)}: {library(config)} stores"
        return f"{message} nothing new there, with a warning at each call", walk.locked_functions
    return None


def _raises(config: Config) -> str:
    return (
        f"{library(config)} raises PermissionError at the first use of a function that is not in"
        " the cache yet, and stores nothing new"
    )


def _unusable(config: Config, store: Store, message: str, folders: list[str]) -> Check:
    if os.statvfs(folders[0]).f_flag & os.ST_RDONLY:
        message = f"its disk is mounted read-only: {message}"
        return Check("permissions", "problem", message, elsewhere(config))
    if all(os.stat(folder).st_uid == os.geteuid() for folder in folders):
        fix = f"chmod u+rwx {quoted(folders[0])}"
        if store.exists:
            fix = f"chmod -R u+rwX {quoted(os.path.realpath(store.path))}"
        return Check("permissions", "problem", message, fix)
    return Check("permissions", "problem", message, elsewhere(config))


def _exposed(config: Config, store: Store, inside: Exposed) -> Check | None:
    """Tell who else may write to the store, or put another one in its place; None: nobody."""
    around = _around(store.path)
    run = f"whoever can write there can run code as you, as {library(config)} loads pickles"
    status: Status = "problem"
    if around.everybody:
        told = f"everybody may replace what is in {_named(around.everybody)}, this cache included"
    elif inside.everybody:
        told = f"everybody may write to {_named(inside.everybody)}"
    else:
        status = "warning"
        group, foreign = around.group | inside.group, around.foreign | inside.foreign
        if group:
            told = f"a group may write to {_named(group)}"
        elif foreign:
            told = f"another user owns {_named(foreign)}"
        elif not store.exists and _may_be_made_by_others(store.path):
            told = f"everybody may make {store.location}, which is not there yet, before you do"
            make = f"mkdir -p -m 700 {quoted(store.location)}"
            return Check("permissions", status, f"{told}; {run}", make)
        else:
            return None
    fix: str | None = elsewhere(config)
    if around.mendable and inside.mendable:
        above = sorted(around.everybody | around.group)
        lines = [f"chmod go-w {' '.join(map(quoted, above))}"] if above else []
        if inside.everybody or inside.group:
            lines.append(f"chmod -R go-w {quoted(os.path.realpath(store.path))}")
        fix = " && ".join(lines)
    return Check("permissions", status, f"{told}; {run}", fix)


def _may_be_made_by_others(path: str) -> bool:
    return bool(os.stat(existing(path)).st_mode & _OTHERS_WRITE)


def _around(path: str) -> Exposed:
    """Judge the folders on the way to a path: who may rename what lies there may replace it."""
    exposed = Exposed()
    for folder in dict.fromkeys(_traversed(path)):
        try:
            exposed.look(folder, os.lstat(folder), sticky=True)
        except OSError:  # not there yet
            continue
    return exposed


def _traversed(path: str) -> Iterator[str]:
    """Walk the folders in which the names of a path are looked up, and the links in it."""
    here, names, links = "/", path.split("/"), 0
    while names:
        name = names.pop(0)
        if name == "..":
            here = os.path.dirname(here)
        elif name not in ("", "."):
            yield here
            below = os.path.join(here, name)
            if links < _MOST_LINKS and os.path.islink(below):
                yield below
                links += 1
                target = os.readlink(below)
                names = [*target.split("/"), *names]
                here = "/" if target.startswith("/") else here
            else:
                here = below


def elsewhere(config: Config) -> str | None:
    """Write the line that sets a location of one's own, where that is one's own indeed."""
    line = own_location(config)
    path = os.path.expanduser(f"~/.cache/{config.prefix.lower()}")
    around = _around(f"{path}/joblib")
    exposed = around.everybody or around.group or around.foreign
    return None if exposed or not may(existing(path), os.W_OK | os.X_OK) else line


def may(path: str, mode: int) -> bool:
    """Tell whether the user may do something to a path."""
    effective = os.access in os.supports_effective_ids
    return os.access(path, mode, effective_ids=effective)


@cache
def _is_private(group_id: int, user_id: int) -> bool:
    """Tell whether a group is that of a user alone."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(user_id)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _named(paths: Iterable[str]) -> str:
    paths = sorted(paths)
    named, more = ", ".join(paths[:_MOST_NAMED]), len(paths) - _MOST_NAMED
    if len(paths) >= _MOST_KEPT:
        return f"{named} and at least {more:,} other places"
    return named if more <= 0 else f"{named} and {count(more, 'more place')}"
