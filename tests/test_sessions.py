"""What the sessions in README and docs/ print is what the commands print.

Every session is run, line by line, by a shell on a store that the example made. `VARYING` in
`helpers/sessions.py` lists what may differ.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.marks import needs_posix
from tests.helpers.sessions import PAGES, ROOT, Step, blocks, names, normal, prepare, run

EXAMPLES = ROOT / "examples"
HASH = re.compile(r"\b(\w+)/[0-9a-f]+\b")

# What is not run, by the first word of its first line, and why.
NOT_RUN = {
    "make": "CI runs these targets",
    "pip": "installs packages, as CI does before the tests",
    "sudo": "changes the machine",
    "systemctl": "changes the machine",
    "crontab": "changes the machine",
}
# Sessions of which only the names of the rows are compared, and why.
NAMES_ALONE = {
    "acache run": "the order of its rows depends on times",
    "acache bench": "all of it depends on times",
}
SESSIONS = [
    pytest.param(page, steps, id=f"{page}: {steps[0].line}")
    for page in PAGES
    for steps in blocks((ROOT / page).read_text(encoding="utf-8"))
    if steps[0].line.split()[0] not in NOT_RUN
]

pytestmark = needs_posix


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    """Make a home in which the example has been run. Its path is short: tables are 80 wide."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        environment = prepare(home, EXAMPLES)
        script = EXAMPLES / "estimate_tuning.py"
        subprocess.run([sys.executable, script], env=environment, check=True, capture_output=True)
        yield home


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    """Make a home of its own, with a copy of that store."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        shutil.copytree(used_home / ".cache", Path(folder) / ".cache")
        yield Path(folder)


def entry_of(home: Path, function: str) -> Path:
    """Find the first entry of a function, by its last part."""
    joblib = home / ".cache" / "librosa" / "joblib"
    return min(joblib.glob(f"**/{function}/{'[0-9a-f]' * 32}"))


def damage(home: Path) -> None:
    (entry_of(home, "get_window") / "output.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    result = entry_of(home, "stft") / "output.pkl"
    os.truncate(result, result.stat().st_size - 1000)


def empty(home: Path) -> None:
    """Replace the example by a script that does nothing: the table has the same rows."""
    (home / "examples" / "estimate_tuning.py").write_text("")


# What happens before a session, by how it begins.
BEFORE: dict[str, Callable[[Path], None]] = {"acache verify\n": damage, "acache bench": empty}
# What is run instead of what would take minutes.
SHORTER = {"acache bench": "acache bench --runs 1 --warmup 0"}


def adapted(line: str, home: Path) -> str:
    """Replace the ids of entries by those of this store, and long commands by short ones.

    Hashes of floats differ from machine to machine.
    """
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    if not line.startswith("acache show"):
        return line
    return HASH.sub(lambda match: f"{match[1]}/{entry_of(home, match[1]).name[:8]}", line)


@pytest.mark.parametrize(("page", "steps"), SESSIONS)
def test_a_session_prints_what_is_shown(page: str, steps: list[Step], home: Path) -> None:
    if any("jq" in step.line for step in steps) and shutil.which("jq") is None:
        pytest.skip("needs jq")
    environment = prepare(home, EXAMPLES)
    for start, arrange in BEFORE.items():
        if f"{steps[0].line}\n".startswith(start):
            arrange(home)
    meant = [step._replace(line=adapted(step.line, home)) for step in steps]
    for shown, real in zip(steps, run(meant, home, environment), strict=True):
        if not shown.line.startswith(tuple(NAMES_ALONE)):
            assert normal(real.output, str(home)) == normal(shown.output), real.output
        else:
            assert names(real.output) == names(shown.output), real.output


@pytest.mark.parametrize(
    ("said", "shown", "same"),
    [
        ("stft  2  42.4 MB  0.43 s", "stft   2   9.1 MB   12 ms", True),
        ("stft  2  42.4 MB  0.43 s", "stft   2   9.1 MB  1m 04s", True),
        ("stft  2  42.4 MB  0.43 s", "stft   3  42.4 MB  0.43 s", False),
        ("stft  2  42.4 MB  0.43 s", "istft  2  42.4 MB  0.43 s", False),
        ("stft  2  42.4 MB  0.43 s", "stft   2  42.4 MB", False),
        ("…core.spectrum.stft/7ea1f369  now", "…spectrum.stft/57f8c984  a minute ago", True),
        ("20 entries, 1 problem", "20 entries, 2 problems", False),
        ("ok  stale  none", "problem  stale  none", False),
    ],
)
def test_only_what_varies_may_differ(said: str, shown: str, same: bool) -> None:
    assert (normal(said) == normal(shown)) is same
