"""What the sessions in README and docs/ print is what the commands print.

Every session is run, line by line, by a shell on a store that the example made. What may differ is
listed in `helpers/sessions.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.marks import needs_posix
from tests.helpers.sessions import (
    NOT_RUN,
    PAGES,
    ROOT,
    Step,
    blocks,
    copied_home,
    is_same,
    normal,
    run_again,
    used_home,
)

SESSIONS = [
    pytest.param(steps, id=f"{page}: {steps[0].line}")
    for page in PAGES
    for steps in blocks((ROOT / page).read_text(encoding="utf-8"))
    if steps[0].line.split()[0] not in NOT_RUN
]

pytestmark = needs_posix


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    with used_home() as home:
        yield home


@pytest.mark.parametrize("steps", SESSIONS)
def test_session_prints_what_is_shown(steps: list[Step], used: Path) -> None:
    if any("jq" in step.line for step in steps) and shutil.which("jq") is None:
        pytest.skip("needs jq")
    with copied_home(used) as home:
        for shown, real in zip(steps, run_again(steps, home), strict=True):
            assert is_same(shown, real, home), f"{real.output}\nrun make sessions"


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
def test_output_may_differ_only_in_what_varies(said: str, shown: str, same: bool) -> None:
    assert (normal(said) == normal(shown)) is same
