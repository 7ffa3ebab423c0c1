"""``acache simulate``: what real runs would have saved in smaller caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acache.config.units import parse_size
from acache.operations.prune import POLICIES
from tests.helpers.processes import Result

Acache = Callable[..., Result]
SCRIPT = """
import sys, time
from joblib import Memory

memory = Memory(sys.argv[1], verbose=0)

@memory.cache
def block(number):
    time.sleep(0.01)
    return bytes(100_000)

for number in sys.argv[2:]:
    block(int(number))
"""


@pytest.fixture
def location(acache: Acache, tmp_path: Path) -> Path:
    """Run a script three times that asks for two entries often, and for others once."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for number in range(3):
        numbers = ["0", "1", str(10 + number), "0", "1"]
        result = acache(
            "run", "--cache-dir", tmp_path / "location", script, tmp_path / "location", *numbers
        )
        assert result.code == 0, result.stderr
    return tmp_path / "location"


def test_simulate_recommends_the_size_that_is_enough(acache: Acache, location: Path) -> None:
    document = acache("simulate", "--cache-dir", location, "--json").document
    assert (document["calls"], document["distinct"]) == (15, 5)
    assert document["unlimited"]["hit_rate"] == pytest.approx(10 / 15)
    assert document["unlimited"]["saved_seconds"] >= 0.1
    assert {row["policy"] for row in document["policies"]} == {*POLICIES, "best"}
    recommended = document["recommended"]
    assert 200_000 <= recommended["size_bytes"] <= 310_000
    assert recommended["share"] >= 0.95


def test_simulate_ends_in_a_command_that_keeps_the_savings(acache: Acache, location: Path) -> None:
    result = acache("simulate", "--cache-dir", location)
    assert result.code == 0
    (line,) = [one for one in result.stdout.splitlines() if "export" in one]
    size = parse_size(line.partition("MAX_SIZE=")[2])
    document = acache("simulate", "--cache-dir", location, "--json").document
    assert size >= document["recommended"]["size_bytes"]
    policy = document["recommended"]["policy"]
    assert f"acache prune --max-size {line.partition('=')[2]} --policy {policy}" in result.stdout


def test_simulate_takes_sizes_and_policies(acache: Acache, location: Path) -> None:
    options = ["--cache-dir", location, "--sizes", "250kB,1MB", "--policy", "lru,oldest"]
    document = acache("simulate", *options, "--json").document
    rows = {row["policy"]: row["points"] for row in document["policies"]}
    assert list(rows) == ["lru", "oldest", "best"]
    assert [point["size_bytes"] for point in rows["lru"]] == [250_000, 1_000_000]
    assert rows["lru"][1]["share"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sizes", "much"], "much"),
        (["--sizes", "0"], "0 is not the size"),
        (["--policy", "fifo"], "unknown policy 'fifo'; choose from lru"),
        (["--plot", "curve.gif"], "does not end with"),
    ],
)
def test_simulate_refuses_what_is_not_valid(
    acache: Acache, location: Path, options: list[str], words: str
) -> None:
    result = acache("simulate", "--cache-dir", location, *options)
    assert result.code == 2
    assert words in result.stderr


def test_simulate_draws_its_curves(acache: Acache, location: Path, tmp_path: Path) -> None:
    picture = tmp_path / "curves.svg"
    assert acache("simulate", "--cache-dir", location, "--plot", picture).code == 0
    assert "</svg>" in picture.read_text()


def test_simulate_without_a_log_says_how_to_get_one(acache: Acache, tmp_path: Path) -> None:
    (tmp_path / "joblib").mkdir()
    result = acache("simulate", "--cache-dir", tmp_path)
    assert (result.code, result.stdout) == (1, "")
    assert "acache run" in result.stderr
