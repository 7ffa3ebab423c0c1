"""Checks of what the store lies on: access times, room."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
from collections.abc import Iterable

from acache.config.settings import Config
from acache.operations.doctor.check import Check, Status, command, existing, library, size
from acache.store.store import Store
from acache.store.totals import Totals
from acache.system.text import quoted

_MOUNTS = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")  # white space and the backslash in it
# Free room on the disk, and inodes: less than this is worth a warning, less than a tenth of it is a
# problem. Of a small disk twice the share, as files come in large pieces.
_SHARE = 0.05
_ENOUGH_BYTES = 20 * 10**9
_LEAST_BYTES = 10**9
_INODES_OF_AN_ENTRY = 3


def check_access_times(config: Config, store: Store, mounts: str = _MOUNTS) -> Check:
    """Tell what the time of an entry's last use is good for."""
    name = "access-times"
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            found = mount_of(existing(store.path), file)
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
    usage = shutil.disk_usage(existing(store.path))
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
    status = os.statvfs(existing(store.path))
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
