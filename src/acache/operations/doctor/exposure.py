"""Who else may write to a file or folder, or replace it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from stat import S_ISLNK

from acache.store.format import OUTPUT
from acache.store.store import Store

OTHERS_WRITE, _GROUP_WRITES, _STICKY = 0o002, 0o020, 0o1000
MOST_KEPT = 1000  # paths; of a large store each entry may be one
_MOST_LINKS = 40  # in a path, as on Linux


class Exposed:
    """What others than the user may write to, a thousand of each kind; a watcher of entries.

    Parameters
    ----------
    store : Store or None
        Whose entries are watched.

    Attributes
    ----------
    everybody, group, foreign : set of str
        Paths that everybody, or a group, may write to, and those that another user owns.
    fixable : bool
        Whether the user can fix it with chmod.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.everybody: set[str] = set()
        self.group: set[str] = set()
        self.foreign: set[str] = set()
        self.fixable = True
        self._store = store
        self._own = os.geteuid() if hasattr(os, "geteuid") else 0

    def entry(self, path: str, folder: os.stat_result, output: os.stat_result) -> None:
        """Judge who may write to an entry."""
        modes = (folder.st_mode | output.st_mode) & (OTHERS_WRITE | _GROUP_WRITES)
        if modes or not folder.st_uid == output.st_uid == self._own:
            address = path if self._store is None else self._store.address(path)
            self.look(address, folder)
            self.look(f"{address}/{OUTPUT}", output)

    def merge(self, other: Exposed) -> None:
        """Add what another process found."""
        self.everybody |= other.everybody
        self.group |= other.group
        self.foreign |= other.foreign
        self.fixable = self.fixable and other.fixable

    def look(self, path: str, status: os.stat_result, *, sticky: bool = False) -> None:
        """Judge who may write to something; what is in a sticky folder others cannot replace."""
        mode, user = status.st_mode, status.st_uid
        if user not in (self._own, 0):
            _keep(self.foreign, path)
            self.fixable = False
        if not mode & (OTHERS_WRITE | _GROUP_WRITES) or S_ISLNK(mode):
            return
        if sticky and mode & _STICKY:
            return
        if mode & OTHERS_WRITE:
            _keep(self.everybody, path)
        elif not _is_private(status.st_gid, user):
            _keep(self.group, path)
        else:
            return
        self.fixable = self.fixable and self._own in (user, 0)


def exposed_on_the_way(path: str) -> Exposed:
    """Judge the folders on the way to a path: who may rename what lies there may replace it."""
    exposed = Exposed()
    for folder in dict.fromkeys(_traversed(path)):
        try:
            exposed.look(folder, os.lstat(folder), sticky=True)
        except OSError:  # not there yet
            continue
    return exposed


def _keep(kept: set[str], path: str) -> None:
    if len(kept) < MOST_KEPT:
        kept.add(path)


@cache
def _is_private(group_id: int, user_id: int) -> bool:
    """Return whether a user is the only member of a group."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(user_id)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


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
