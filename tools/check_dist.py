"""Check what is to be released, after `python -m build`: part of `make dist`.

Usage: python tools/check_dist.py FOLDER

The sdist holds what the repository does, and the wheel, which was built from it, works in an
environment of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "completions", "docs", "examples", "src", "tests", "tools")
FILES = ("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md")
LINK = re.compile(r"\]\((?!https?:)[^)]*\)")


def main(folder: str) -> None:
    """Check the one sdist and the one wheel of a folder."""
    [sdist] = Path(folder).glob("*.tar.gz")
    [wheel] = Path(folder).glob("*.whl")
    check_sdist(sdist)
    check_description(wheel)
    check_installed(wheel)


def check_sdist(sdist: Path) -> None:
    """Complain of files that it lacks."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT).as_posix() for path in files if is_source(path)}
    if missing := sorted((wanted | set(FILES)) - held):
        sys.exit(f"{sdist.name} lacks {', '.join(missing)}")


def is_source(path: Path) -> bool:
    """Tell files of the repository from those that Python made."""
    return path.suffix != ".pyc" and not any(part.endswith(".egg-info") for part in path.parts)


def check_description(wheel: Path) -> None:
    """Complain of links that lead nowhere on PyPI."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        description = archive.read(name).decode()
    if links := LINK.findall(description):
        sys.exit(f"{wheel.name}: PyPI cannot follow {', '.join(links)}")


def check_installed(wheel: Path) -> None:
    """Complain if the command does not work where nothing but the wheel is installed."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        scripts = Path(folder, "Scripts" if os.name == "nt" else "bin")
        pip = [scripts / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", wheel], check=True)
        told = printed(folder, scripts / "acache", "--version")
        if told != f"acache {wheel.name.split('-')[1]}\n":
            sys.exit(f"{wheel.name}: acache --version prints {told!r}")
        entry = Path(folder, "cache", "joblib", "package", "function", "0" * 32)
        entry.mkdir(parents=True)
        (entry / "output.pkl").write_bytes(b"N.")
        stats = printed(folder, scripts / "acache", "stats", "--cache-dir", Path(folder, "cache"))
        if "package.function" not in stats:
            sys.exit(f"{wheel.name}: acache stats prints {stats!r}")


def printed(folder: str, *words: str | Path) -> str:
    """Run a command away from the repository, and return what it printed."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        words, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
