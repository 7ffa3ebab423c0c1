"""Mounted file systems: where, with which options, and whether they are local."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

MOUNTS = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")  # white space and the backslash in it
# On which a map of a file that another host removes or replaces stays what it was.
_LOCAL = {
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "overlay",
    "ramfs", "reiserfs", "tmpfs", "ufs", "vfat", "xfs", "zfs",
}  # fmt: skip
_BSD_MOUNT = re.compile(r"(?P<device>.+?) on (?P<folder>/.*) \((?P<options>[^()]*)\)")


class Mount(NamedTuple):
    """A mounted file system.

    Attributes
    ----------
    folder : str
    options : set of str
    kind : str
        ``ext4``, ``nfs`` ...
    """

    folder: str
    options: set[str]
    kind: str


def mount_of(path: str, mounts: Iterable[str]) -> Mount | None:
    """Find where the file system of a folder is mounted.

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
        folder = _folder_of(fields)
        # Of two on the same folder the later one hides the other.
        if _is_inside(path, folder) and (found is None or len(folder) >= len(found.folder)):
            kind = fields[fields.index("-") + 1] if "-" in fields else ""
            found = Mount(folder, set(fields[5].split(",")), kind)
    return found


def mount_points() -> set[str] | None:
    """Return the folders on which file systems are mounted, on Linux; None elsewhere."""
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            return {_folder_of(line.split(" ")) for line in file}
    except OSError:
        return None


def is_local(path: str) -> bool:
    """Return whether a file is known to lie on a file system of this host alone.

    Parameters
    ----------
    path : str
        Of a file; its folder is asked for once in a process.
    """
    return _folder_is_local(os.path.dirname(os.path.dirname(path)))


@lru_cache(maxsize=1024)
def _folder_is_local(folder: str) -> bool:
    try:
        if sys.platform == "linux":
            with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
                mount = mount_of(folder, file)
            return mount is not None and mount.kind in _LOCAL
        if os.name == "posix":
            lines = subprocess.run(["mount"], capture_output=True, check=True).stdout
            return _is_local_of_bsd(folder, os.fsdecode(lines).splitlines())
    except (OSError, subprocess.CalledProcessError):
        pass
    return False


def _is_local_of_bsd(folder: str, lines: Iterable[str]) -> bool:
    """Read what ``mount`` prints on macOS: ``/dev/disk1s1 on / (apfs, local, journaled)``."""
    folder = os.path.realpath(folder)
    matches = [match for match in map(_BSD_MOUNT.fullmatch, lines) if match is not None]
    inside = [match for match in matches if _is_inside(folder, match["folder"])]
    best = max(inside, key=lambda match: len(match["folder"]), default=None)
    return best is not None and "local" in best["options"].split(", ")


def _folder_of(fields: list[str]) -> str:
    """Return where the file system of a line of ``mountinfo`` is mounted."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
