"""Checks of what the store lies on: who may write there, access times, room."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator

from acache.config import Config
from acache.doctor.check import Check, Status, command, count, library, own_location, size
from acache.names import quoted
from acache.store import Store
from acache.totals import Totals

_MOUNTS = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")  # white space and the backslash in it
# Free room on the disk, and inodes: less than this is worth a warning, less than a tenth of it is a
# problem. Of a small disk twice the share, as files come in large pieces.
_SHARE = 0.05
_ENOUGH_BYTES = 20 * 10**9
_LEAST_BYTES = 10**9
_INODES_OF_AN_ENTRY = 3
_OTHERS_WRITE, _GROUP_WRITES, _STICKY = 0o002, 0o020, 0o1000
_MOST_NAMED = 3


def existing(path: str) -> str:
    """Return the folder in which a path lies, or will: the nearest one that there is."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def check_permissions(config: Config, store: Store) -> Check:
    """Tell who else may write into the store, and whether the user may: pickles run code."""
    if os.name == "nt":
        return Check("permissions", "ok", "Windows does not tell who may write here in short")
    nearest = existing(store.location)
    if not _may_write(nearest):
        return _read_only(config, store, nearest)
    exposed = f"whoever can write there can run code as you, as {library(config)} loads pickles"
    for path, status in _statuses(_above(store.path)):
        if status.st_mode & _OTHERS_WRITE and not status.st_mode & _STICKY:
            message = f"everybody may replace what is in {path}, this cache included; {exposed}"
            return Check("permissions", "problem", message, f"chmod o-w {quoted(path)}")
    folders = [*_statuses(_folders(store))]
    # Whoever may rename the store may put another one in its place.
    around = [(path, s) for path, s in _statuses([store.location]) if not s.st_mode & _STICKY]
    fix = f"chmod -R go-w {quoted(store.location)}"
    opened = [path for path, status in folders if status.st_mode & _OTHERS_WRITE]
    if opened:
        message = f"everybody may write to {_named(opened)}; {exposed}"
        return Check("permissions", "problem", message, fix)
    shared = [path for path, status in around + folders if _is_shared(status)]
    if shared:
        message = f"a group may write to {_named(shared)}; {exposed}"
        return Check("permissions", "warning", message, fix)
    foreign = [path for path, status in around + folders if status.st_uid not in (os.geteuid(), 0)]
    if foreign:
        message = f"another user owns {_named(foreign)}; {exposed}"
        return Check("permissions", "warning", message, own_location(config))
    return Check("permissions", "ok", "nobody else may write to its folders")


def _read_only(config: Config, store: Store, nearest: str) -> Check:
    message = (
        f"you may not write to {nearest}: {library(config)} raises PermissionError at the first use"
        " of a function that is not in the cache yet, and stores nothing new"
    )
    own = os.stat(nearest).st_uid == os.geteuid()
    fix = f"chmod -R u+w {quoted(nearest)}" if own else own_location(config)
    if os.statvfs(nearest).f_flag & os.ST_RDONLY:
        message = f"its disk is mounted read-only: {message}"
        fix = own_location(config)
    return Check("permissions", "problem", message, fix)


def _may_write(folder: str) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def _above(path: str) -> Iterator[str]:
    """Walk the folders that a path lies in, links resolved."""
    path = os.path.realpath(path)
    while os.path.dirname(path) != path:
        path = os.path.dirname(path)
        yield path


def _folders(store: Store) -> Iterator[str]:
    """Walk the folders that lead to entries: the store, packages, modules and functions."""
    known = {"."}
    for function in store.functions():
        parts = function.split("/")
        known.update("/".join(parts[: n + 1]) for n in range(len(parts)))
    for name in sorted(known):
        yield os.path.normpath(os.path.join(store.path, name))


def _statuses(folders: Iterable[str]) -> Iterator[tuple[str, os.stat_result]]:
    for folder in folders:
        with contextlib.suppress(OSError):  # gone, or not there yet
            yield folder, os.stat(folder)


def _is_shared(status: os.stat_result) -> bool:
    """Tell whether a group may write to a folder; a group of its owner alone is none."""
    return bool(status.st_mode & _GROUP_WRITES) and not _is_private(status.st_gid, status.st_uid)


def _is_private(group_id: int, user_id: int) -> bool:
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(user_id)
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _named(folders: list[str]) -> str:
    named = ", ".join(folders[:_MOST_NAMED])
    more = len(folders) - _MOST_NAMED
    return named if more <= 0 else f"{named} and {count(more, 'more folder')}"


def check_access_times(config: Config, store: Store, mounts: str = _MOUNTS) -> Check:
    """Tell what the time of an entry's last use is good for."""
    name = "access-times"
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            found = mount_of(existing(store.location), file)
    except OSError:
        found = None
    if found is None:
        return Check(name, "ok", f"{sys.platform} does not tell whether it notes accesses")
    folder, options = found
    if "noatime" in options:
        message = (
            f"{folder} is mounted with noatime: the last use of an entry is never noted, so"
            " --unused-for, --max-age and --policy lru go by when it was written"
        )
        # Options are merged with those of before: relatime alone leaves noatime in force.
        sudo = "" if os.geteuid() == 0 else "sudo "
        fix = f"{sudo}mount -o remount,atime,relatime {quoted(folder)}"
        return Check(name, "warning", message, fix)
    if "relatime" in options:
        return Check(name, "ok", f"{folder} is mounted with relatime: last uses are good to a day")
    return Check(name, "ok", f"{folder} notes each access: last uses are exact")


def mount_of(path: str, mounts: Iterable[str]) -> tuple[str, set[str]] | None:
    """Find where the file system of a folder is mounted, and the options of that.

    Parameters
    ----------
    path : str
    mounts : iterable of str
        Lines of ``/proc/self/mountinfo`` (man 5 proc_pid_mountinfo).
    """
    path = os.path.realpath(path)
    found = None
    for line in mounts:
        fields = line.split(" ")
        folder = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
        inside = path == folder or path.startswith(f"{folder.rstrip('/')}/")
        # Of two on the same folder the later one hides the other.
        if inside and (found is None or len(folder) >= len(found[0])):
            found = folder, set(fields[5].split(","))
    return found


def check_free_space(config: Config, store: Store, entries: Totals) -> Check:
    """Tell how much room is left on the disk, and whether pruning entries makes enough."""
    usage = shutil.disk_usage(existing(store.location))
    whole = usage.used + usage.free
    wanted = max(min(_SHARE * whole, _ENOUGH_BYTES), min(2 * _SHARE * whole, _LEAST_BYTES))
    told = f"{size(usage.free)} ({usage.free / (whole or 1):.0%}) of the disk are free"
    if usage.free >= wanted:
        return Check("free-space", "ok", told)
    told += f": once it is full, {library(config)}'s writes fail, with a warning at each call"
    status: Status = "warning" if usage.free >= wanted / 10 else "problem"
    lacking, held = wanted - usage.free, entries.disk_bytes or entries.size_bytes
    if held < lacking:
        told += f"; the cache holds only {size(held)} of the {size(lacking)} that are lacking"
        return Check("free-space", status, told)
    fix = command(config, "prune", "--min-free", f"{math.ceil(wanted / 1000)}k")
    return Check("free-space", status, told, fix)


def check_inodes(config: Config, store: Store, entries: Totals) -> Check:
    """Tell how many files and folders the file system can still take."""
    if not hasattr(os, "statvfs"):
        return Check("inodes", "ok", f"{sys.platform} does not count them")
    status = os.statvfs(existing(store.location))
    if not status.f_files:
        return Check("inodes", "ok", "the file system has no limit on the number of files")
    free, wanted = status.f_favail, _SHARE * status.f_files
    told = f"{free:,} ({free / status.f_files:.0%}) of the file system's inodes are free"
    if free >= wanted:
        return Check("inodes", "ok", told)
    told += f": once there are none, {library(config)}'s writes fail, with a warning at each call"
    severity: Status = "warning" if free >= wanted / 10 else "problem"
    lacking, held = math.ceil(wanted - free), entries.inodes or 0
    if held < lacking:
        told += f"; the cache holds only {held:,} of the {lacking:,} that are lacking"
        return Check("inodes", severity, told)
    kept = max(entries.entries - math.ceil(lacking / _INODES_OF_AN_ENTRY), 0)
    return Check("inodes", severity, told, command(config, "prune", "--max-items", str(kept)))
