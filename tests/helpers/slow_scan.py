"""An independent walk over a store: slow, recursive, with pathlib, from the glossary's words."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from acache.operations.stats import StatsReport

HASH = re.compile(r"[0-9a-f]{32}")
GROUP = re.compile(r"[0-9a-f]{3}")
REST = re.compile(r"[0-9a-f]{29}")
NEW = r"[0-9a-f]{32}-[0-9]+-[0-9]+"
OLD = r"thread-[0-9]+-pid-[0-9]+"
ENTRY_TEMPORARY = re.compile(rf"(output\.pkl|metadata\.json)\.({NEW}|{OLD})")
SOURCE_TEMPORARY = re.compile(rf"func_code\.py\.({NEW}|{OLD})")


def slow_walk(store: Path, *, both: bool = False) -> dict[str, Any]:
    """Sum up a store: sizes per function, leftovers, other, disk.

    `both`: the folder is a location, and the folder ``joblib`` in it a store as well.
    """
    walk = _Walk()
    walk.add("other", store)
    walk.module(store, (), both=both)
    disk = sum((walk.size[kind] for kind in walk.size), Counter())
    return {
        "functions": {
            kind.removeprefix("entry "): dict(count) | {"entries": walk.entries[kind]}
            for kind, count in walk.size.items()
            if kind.startswith("entry ")
        },
        "leftovers": dict(walk.size["leftovers"])
        | {"files": walk.leftover_files, "folders": walk.leftover_folders},
        "other": dict(walk.size["other"]),
        "disk": dict(disk),
    }


class _Walk:
    def __init__(self) -> None:
        self.size: dict[str, Counter[str]] = {"other": Counter(), "leftovers": Counter()}
        self.entries: Counter[str] = Counter()
        self.leftover_files = 0
        self.leftover_folders = 0
        self.links: set[tuple[int, int]] = set()

    def add(self, kind: str, path: Path) -> None:
        status = path.lstat()
        count = self.size.setdefault(kind, Counter())
        if stat.S_ISREG(status.st_mode):
            count["size_bytes"] += status.st_size
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in self.links:
                return
            self.links.add((status.st_dev, status.st_ino))
        count["disk_bytes"] += status.st_blocks * 512
        count["inodes"] += 1

    def tree(self, kind: str, top: Path) -> None:
        self.add(kind, top)
        if top.is_dir() and not top.is_symlink():
            for child in top.iterdir():
                self.tree(kind, child)

    def module(self, folder: Path, function: tuple[str, ...], *, both: bool = False) -> None:
        has_source = _is_file(folder / "func_code.py")
        for child in folder.iterdir():
            if not child.is_dir() or child.is_symlink():
                temporary = SOURCE_TEMPORARY.fullmatch(child.name) and _is_file(child)
                self.add("leftovers" if temporary else "other", child)
                self.leftover_files += bool(temporary)
            elif HASH.fullmatch(child.name):
                self.candidate(child, function, has_source)
            elif GROUP.fullmatch(child.name) and self.group(child, function, has_source):
                pass
            elif not (REST.fullmatch(child.name) and GROUP.fullmatch(folder.name)):
                self.add("other", child)
                self.module(
                    child, () if both and child.name == "joblib" else (*function, child.name)
                )

    def candidate(self, folder: Path, function: tuple[str, ...], has_source: bool) -> None:
        if _is_entry_folder(folder, has_source):
            self.entry(folder, ".".join(function))
        else:
            self.tree("other", folder)

    def group(self, folder: Path, function: tuple[str, ...], has_source: bool) -> bool:
        """Walk the entries in a group; True if it is an empty one, which is left over."""
        children = list(folder.iterdir())
        if not children and has_source and not folder.name.isidentifier():
            self.add("leftovers", folder)
            self.leftover_folders += 1
            return True
        for child in children:
            if REST.fullmatch(child.name) and child.is_dir() and not child.is_symlink():
                self.candidate(child, function, has_source)
        return False

    def entry(self, folder: Path, function: str) -> None:
        complete = _is_file(folder / "output.pkl")
        kind = f"entry {function}" if complete else "leftovers"
        self.add(kind, folder)
        self.entries[kind] += complete
        self.leftover_folders += not complete
        for child in folder.iterdir():
            if child.name in ("output.pkl", "metadata.json") and _is_file(child):
                self.add(kind, child)
            elif ENTRY_TEMPORARY.fullmatch(child.name) and _is_file(child):
                self.add("leftovers", child)
                self.leftover_files += 1
            else:
                self.tree("other", child)


def _is_entry_folder(folder: Path, has_source: bool) -> bool:
    names = os.listdir(folder)
    if not names:
        return has_source
    return any(
        (name in ("output.pkl", "metadata.json") and _is_file(folder / name))
        or (ENTRY_TEMPORARY.fullmatch(name) and _is_file(folder / name))
        for name in names
    )


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def figures(report: StatsReport) -> dict[str, object]:
    """Arrange a report as `slow_walk` does, zeros left out."""
    leftovers = report.leftovers
    return {
        "functions": {
            row.function: _usage(row.totals) | {"entries": row.totals.entries}
            for row in report.functions
        },
        "leftovers": _usage(leftovers.usage)
        | {"files": leftovers.files, "folders": leftovers.folders},
        "other": _usage(report.other),
        "disk": _usage(report.disk),
    }


def _usage(value: object) -> dict[str, int]:
    keys = ("size_bytes", "disk_bytes", "inodes")
    return {key: getattr(value, key) for key in keys if getattr(value, key)}


def slow_figures(path: Path, *, both: bool = False) -> dict[str, object]:
    slow = slow_walk(path, both=both)
    for part in (*slow["functions"].values(), slow["leftovers"], slow["other"], slow["disk"]):
        for key in ("size_bytes", "disk_bytes", "inodes"):
            if not part.get(key, 1):
                del part[key]
    return slow
