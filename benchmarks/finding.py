"""Finding stores in a home folder of 200,000 files, against GNU find."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from measure import Row, compare, measure
from stores import make_store

ACACHE = str(Path(sys.executable).with_name("acache"))
PROJECTS = 200
FOLDERS = 50  # of a project
FILES = 20  # of a folder
STORES = 4  # of 500 entries each


def finding(folder: Path, runs: int) -> list[Row]:
    """Find the stores with their sizes, and their paths alone."""
    home = make_home(folder / "home")
    sized, paths, gnu = measure(
        [ACACHE, "find", str(home), "--json"],
        [ACACHE, "find", str(home), "--no-size"],
        ["find", str(home), "-name", "func_code.py"],
        runs=runs,
    )
    files = PROJECTS * FOLDERS * FILES
    return [
        compare(f"find, {files:,} files / find -name", sized, gnu, 1.5),
        compare(f"find --no-size, {files:,} files / find -name", paths, gnu, 1.5),
    ]


def make_home(home: Path) -> Path:
    """Make projects with nested folders, and a store in some of them."""
    done = home.with_name("home-made")
    if done.exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    for number in range(PROJECTS):
        for part in range(FOLDERS):
            folder = home / f"project{number}" / f"part{part % 7}" / f"folder{part}"
            folder.mkdir(parents=True)
            for file in range(FILES):
                (folder / f"file{file}.txt").touch()
    for number in range(STORES):
        make_store(home / f"project{number * 40}" / "cache", 500)
    done.touch()
    return home
