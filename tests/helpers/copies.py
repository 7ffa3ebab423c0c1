"""What tests of copying share: a store of joblib's, its times, archives that nobody made well."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from tests.helpers.processes import run_python

SOURCE = b"# first line: 1\ndef f(x):\n    return x\n"
HASH = "0123456789abcdef" * 2
NAME = f"joblib/m/f/{HASH}/output.pkl"


_FILL = """
import sys, joblib
cached = joblib.Memory(sys.argv[1], verbose=0).cache(bytes)
for number in range(int(sys.argv[2])):
    cached(number)
"""


def fill(location: Path, count: int = 5) -> Path:
    """Have joblib store some results of `bytes`.

    In a process of its own: what has stored a function once writes its source nowhere else.
    """
    run_python(_FILL, location, str(count))
    return location


def files(location: Path) -> dict[str, tuple[bytes, int]]:
    """Read each file of the entries in a location, and of their sources, with its time."""
    outputs = list(location.rglob("output.pkl"))
    folders = {output.parent for output in outputs}
    wanted = [*outputs, *(folder / "metadata.json" for folder in folders)]
    wanted += [folder.parent / "func_code.py" for folder in folders]
    return {
        path.relative_to(location).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in wanted
    }


def accesses(location: Path) -> dict[str, int]:
    """Return the last access of each result."""
    return {
        path.relative_to(location).as_posix(): path.stat().st_atime_ns
        for path in location.rglob("output.pkl")
    }


def age(location: Path, seconds: int = 1_600_000_000) -> None:
    """Set all times of a location to something long ago, each file's another one."""
    for number, path in enumerate(sorted(location.rglob("*"))):
        moment = seconds * 10**9 + number * 1_000_003
        os.utime(path, ns=(moment + 5_000_000_123, moment))


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """Make a member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mtime = kind, len(data), link, 1_600_000_000
    return info, data


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Write an archive with tarfile, behind the source and one entry of a function."""
    ordinary = [member("joblib/m/f/func_code.py", SOURCE), member(NAME, b"N.")]
    with tarfile.open(path, "w") as file:
        for info, data in (*ordinary, *members):
            file.addfile(info, io.BytesIO(data))
    return path
