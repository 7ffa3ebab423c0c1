"""Checks of what the store lies on: access times, room."""

from __future__ import annotations

import math
import os
import shutil
import sys

from acache.operations.doctor.check import Answer, Subject, command, existing, ok, problem, warning
from acache.system.mounts import MOUNTS, mount_of
from acache.system.text import quoted, size_text

# Free room on the disk, and inodes: less than this is worth a warning, less than a tenth of it is a
# problem. Of a small disk twice the share, as files come in large pieces.
_SHARE = 0.05
_ENOUGH_BYTES = 20 * 10**9
_LEAST_BYTES = 10**9
_INODES_OF_AN_ENTRY = 3


def check_access_times(subject: Subject, mounts: str = MOUNTS) -> Answer:
    """Check whether the time of an entry's last use is recorded."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            found = mount_of(existing(subject.store.path), file)
    except OSError:
        found = None
    if found is None:
        return ok(f"whether accesses are recorded is not known on {sys.platform}")
    folder, options, _ = found
    if "noatime" in options:
        message = (
            f"{folder} is mounted with noatime: the last use of an entry is never recorded, so"
            " --unused-for, --max-age and --policy lru go by when it was written"
        )
        # Options are merged with those of before: relatime alone leaves noatime in force.
        sudo = "" if os.geteuid() == 0 else "sudo "
        return warning(message, f"{sudo}mount -o remount,atime,relatime {quoted(folder)}")
    if "relatime" in options:
        return ok(f"{folder} is mounted with relatime: last uses are good to a day")
    return ok(f"{folder} records each access: last uses are exact")


def check_free_space(subject: Subject) -> Answer:
    """Check how much room is left on the disk, and whether pruning entries makes enough."""
    usage = shutil.disk_usage(existing(subject.store.path))
    whole = usage.used + usage.free
    wanted = max(min(_SHARE * whole, _ENOUGH_BYTES), min(2 * _SHARE * whole, _LEAST_BYTES))
    free = f"{size_text(usage.free)} ({usage.free / (whole or 1):.0%}) of the disk are free"
    total = subject.report.total
    held, lacking = total.disk_bytes or total.size_bytes, wanted - usage.free
    fix = None
    if lacking > held:
        free += f"; the cache holds only {size_text(held)} of the {size_text(lacking)} needed"
    elif lacking > 0:
        fix = command(subject.config, "prune", "--min-free", f"{math.ceil(wanted / 1000)}k")
    return _room(subject, free, usage.free / (wanted or 1), fix)


def check_inodes(subject: Subject) -> Answer:
    """Check how many files and folders the file system can still take."""
    if not hasattr(os, "statvfs"):
        return ok(f"{sys.platform} does not count them")
    status = os.statvfs(existing(subject.store.path))
    if not status.f_files:
        return ok("the file system has no limit on the number of files")
    available, wanted = status.f_favail, _SHARE * status.f_files
    share = available / status.f_files
    free = f"{available:,} ({share:.0%}) of the file system's inodes are free"
    total = subject.report.total
    held, lacking = total.inodes or 0, math.ceil(wanted - available)
    fix = None
    if lacking > held:
        free += f"; the cache holds only {held:,} of the {lacking:,} needed"
    elif lacking > 0:
        kept = max(total.entries - math.ceil(lacking / _INODES_OF_AN_ENTRY), 0)
        fix = command(subject.config, "prune", "--max-items", str(kept))
    return _room(subject, free, available / wanted, fix)


def _room(subject: Subject, free: str, share: float, fix: str | None) -> Answer:
    """Judge what is free, as a share of what is wanted."""
    if share >= 1:
        return ok(free)
    library = subject.config.cached_library
    message = (
        f"{free}; once there is none left, {library}'s writes fail, with a warning at each call"
    )
    return warning(message, fix) if share >= 0.1 else problem(message, fix)
