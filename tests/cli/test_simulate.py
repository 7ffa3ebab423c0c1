"""``acache simulate``: what real runs would have saved in smaller caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acache.config.limits import POLICIES
from acache.config.settings import Config
from acache.config.units import parse_size
from acache.operations.simulate.simulation import simulate
from acache.operations.simulate.trace import make_trace
from acache.render.tables.simulate import print_simulation
from tests.helpers.processes import Result, run_line

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


def test_simulate_ends_in_commands_that_keep_the_savings(acache: Acache, location: Path) -> None:
    result = acache("simulate", "--cache-dir", location, "--env-prefix", "NILEARN")
    assert result.code == 0
    lines = [line.strip() for line in result.stdout.splitlines()]
    [prune] = [line for line in lines if line.startswith("acache ")]
    document = acache("simulate", "--cache-dir", location, "--json").document
    recommended = document["recommended"]
    size = parse_size(prune.partition("--max-size ")[2].split()[0])
    assert size >= recommended["size_bytes"]
    assert f"--policy {recommended['policy']} " in prune
    run_line(prune)
    kept = acache("stats", "--cache-dir", location, "--json").document["total"]
    assert 0 < kept["entries"] < document["distinct"]
    assert kept["disk_bytes"] <= size
    env = dict(pair.split("=") for pair in lines[-1].removeprefix("export ").split())
    policy = recommended["policy"]  # as the machine was fast
    assert env.keys() - {"NILEARN_CACHE_POLICY"} == {"NILEARN_CACHE_MAX_SIZE"}
    assert env.get("NILEARN_CACHE_POLICY", "lru") == policy
    again = ("prune", "--cache-dir", location, "--env-prefix", "NILEARN", "-n", "--json")
    assert acache(*again, env=env).document["planned"]["entries"] == 0


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


def test_simulate_names_the_variables_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    # One costly entry, and a new one between any two calls for it.
    asked = [(float(time), 0 if time % 2 else time // 2 + 1) for time in range(40)]
    trace = make_trace(asked, [(1000, 9.0), *[(1000, 0.1)] * 20])
    print_simulation(simulate(trace, sizes=[1000, 2000, 9000]), Config.from_env({}))
    *_, prune, export = capsys.readouterr().out.splitlines()
    assert prune == "  acache prune --max-size 1.0kB --policy cost"
    assert export == "  export LIBROSA_CACHE_MAX_SIZE=1.0kB LIBROSA_CACHE_POLICY=cost"
