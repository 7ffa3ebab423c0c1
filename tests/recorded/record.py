"""Record the stores of several joblibs: python record.py [VERSION ...].

It takes python3.8, python3.9 and python3.11 from PATH, and joblib and numpy
from the package index. What it makes beside the records it makes in /tmp.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# Each joblib, of which the newest patch release is taken, and the Python to run it
VERSIONS = {
    "0.17": "3.8",
    "1.0": "3.8",
    "1.2": "3.9",
    "1.3": "3.9",
    "1.4": "3.11",
    "1.5": "3.11",
    "1.6": "3.11",
}
HERE = Path(__file__).resolve().parent
# Fixed, as it goes into the name of a folder: __main__--tmp-record-write_store
SCRIPTS = Path("/tmp/record")


def make_environment(version: str, folder: Path) -> Path:
    """Install a joblib into a new virtual environment, and return its Python."""
    python = f"python{VERSIONS[version]}"
    subprocess.run([python, "-m", "venv", folder], check=True)
    installed = folder / "bin" / "python"
    pip = [installed, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"joblib=={version}.*", "numpy"], check=True)
    return installed


def run(python: Path, script: str, output: Path) -> bytes:
    """Run one of the scripts from its fixed path, and return what it prints."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    command = [python, "-B", SCRIPTS / script, output]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout


def without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return an archive's member as owned by nobody in particular."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def pack(output: Path, archive: Path) -> None:
    """Pack the stores, in order of their names and without the hour of packing."""
    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for store in ("path", "str"):
            tar.add(output / store, arcname=store, filter=without_owner)


def record(version: str, folder: Path) -> None:
    """Write the archive and the description for one version."""
    python = make_environment(version, folder / "environment")
    output = folder / "output"
    run(python, "write_store.py", output)
    description = run(python, "describe_store.py", output)
    (HERE / f"joblib-{version}.json").write_bytes(description)
    pack(output, HERE / f"joblib-{version}.tar.gz")


def main() -> None:
    """Record the versions named, or all."""
    SCRIPTS.mkdir()  # refuses to meet another's folder
    try:
        for name in ("write_store.py", "describe_store.py"):
            shutil.copy(HERE / name, SCRIPTS)
        shutil.copytree(HERE / "recorded_package", SCRIPTS / "recorded_package")
        for version in sys.argv[1:] or VERSIONS:
            with tempfile.TemporaryDirectory(dir="/tmp") as folder:
                record(version, Path(folder))
    finally:
        shutil.rmtree(SCRIPTS)


if __name__ == "__main__":
    main()
