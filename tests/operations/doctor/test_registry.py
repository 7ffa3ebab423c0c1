"""The registry of checks: their order, and what they say of a sound cache and of none."""

from __future__ import annotations

import re
from pathlib import Path

from acache.config.settings import Config
from acache.operations.doctor.registry import CHECKS, examine
from tests.helpers.doctored import checks, followed

OF_THE_MACHINE = ("permissions", "access-times", "free-space", "inodes")


def test_checks_of_a_sound_cache(location: Path) -> None:
    found = checks(location)
    assert [*found] == [
        "cache-dir", "level", "mmap", "compress", "verbose", "limits", "versions", "permissions",
        "access-times", "free-space", "inodes", "writes", "leftovers", "layout", "stale", "sources",
        "reuse",
    ]  # fmt: skip
    well = [check for check in found.values() if check.id not in OF_THE_MACHINE]
    assert [c for c in well if c.status != "ok" or c.fix is not None or not c.message] == []


def test_checks_are_all_documented() -> None:
    made = [check.id for check in examine(Config.from_env({}))]
    assert made == [check.id for check in CHECKS]
    assert len({*made}) == len(made)
    page = (Path(__file__).parents[3] / "docs" / "commands.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w[\w-]*)` \|", page.partition("| checks that |")[2], re.M) == made


def test_checks_where_caching_is_off(tmp_path: Path) -> None:
    found = checks()
    assert found["cache-dir"].status == "warning"
    assert "caching is off" in found["cache-dir"].message
    assert [*found] == [*checks(tmp_path)]
    assert followed(found["cache-dir"].fix) == {"DIR": "~/.cache/librosa"}


def test_checks_without_a_cache_find_no_failing_setting() -> None:
    found = checks(COMPRESS="1", MMAP="None", LEVEL="high")
    assert [found[name].status for name in ("compress", "mmap", "level")] == [
        *("warning", "warning", "problem")
    ]
    assert found["compress"].message.endswith("; now caching is off")
