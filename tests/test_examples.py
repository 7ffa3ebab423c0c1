"""The example gives the right answer, with and without its cache."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acache import Store
from acache.store.model import Entry
from tests.helpers.buckets import MotoServer, keys
from tests.helpers.clusters import Cluster
from tests.helpers.processes import Result, run_python

README = Path(__file__).parents[1] / "README.md"
SHARING = Path(__file__).parents[1] / "docs" / "sharing.md"
FILLING = Path(__file__).parents[1] / "examples" / "fill_cache.py"
EXAMPLE = Path(__file__).parents[1] / "examples" / "estimate_tuning.py"


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a chord, 30 cents high: a file, and quicker than the example's minute."""
    import numpy as np
    import soundfile

    file = tmp_path_factory.mktemp("audio") / "chord.wav"
    time = np.arange(5 * 22_050) / 22_050
    tones = [np.sin(2 * np.pi * 440 * 2 ** ((n + 0.3) / 12) * time) for n in (0, 4, 7)]
    soundfile.write(file, np.sum(tones, axis=0) / 4, 22_050)
    return file


def cents(*arguments: Path) -> float:
    done = subprocess.run(
        [sys.executable, EXAMPLE, *arguments], check=True, capture_output=True, text=True
    )
    number, unit = done.stdout.splitlines()[-1].split()
    assert unit == "cents"
    return float(number)


def test_example_analyses_a_file(audio: Path) -> None:
    assert cents(audio) == pytest.approx(30, abs=2)


def test_example_is_the_readmes_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acache: Callable[..., Result]
) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("LIBROSA_CACHE_LEVEL", "50")
    assert cents() == pytest.approx(15, abs=2)
    hashes = [found.hash for found in Store(tmp_path).scan() if isinstance(found, Entry)]
    assert len(hashes) > 5
    assert cents() == pytest.approx(15, abs=2)
    table = acache("stats", env={"LIBROSA_CACHE_DIR": str(tmp_path)}).stdout
    row = r"^(\S*\w+(?:\.\w+)+) +(\d+) +(\d+) +\S+ \w?B "  # name, level, entries
    shown = re.findall(row, README.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(re.findall(row, table, re.MULTILINE))
    assert len(shown) == 7
    again = [found.hash for found in Store(tmp_path).scan() if isinstance(found, Entry)]
    assert sorted(again) == sorted(hashes)


def test_example_for_clusters_is_that_of_the_guide() -> None:
    [shown] = re.findall(r"```py\n(.*?)```", SHARING.read_text(encoding="utf-8"), re.DOTALL)
    assert FILLING.read_text(encoding="utf-8").endswith(shown)


def test_cluster_fills_one_cache_for_all(
    tmp_path: Path, bucket: str, moto: MotoServer, acache: Callable[..., Result]
) -> None:
    import numpy as np
    import soundfile

    files = [tmp_path / f"{number}.wav" for number in range(4)]
    for number, file in enumerate(files, 1):
        time = np.arange(22_050) / 22_050
        soundfile.write(file, np.sin(2 * np.pi * 440 * number * time), 22_050)
    environment = {
        **moto.environment,
        "LIBROSA_CACHE_DIR": bucket,
        "LIBROSA_CACHE_LEVEL": "20",
        "XDG_CACHE_HOME": str(tmp_path / "local"),
    }
    run_python("import librosa.core, librosa.feature")  # not compiled by two workers at once
    cluster = Cluster(environment, threads=1)
    try:
        command = [sys.executable, str(FILLING), cluster.address, *map(str, files)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        means = [int(line.split()[0]) for line in done.stdout.splitlines()]
        assert means == sorted(means)
        assert means[0] == pytest.approx(440, rel=0.1)
    finally:
        cluster.close()  # uploads are finished
    results = [key for key in keys(bucket, moto.environment) if key.endswith("/output.pkl")]
    assert sum("/spectrum/stft/" in key for key in results) == 4
    assert acache("verify", "--cache-dir", bucket, "--workers", "2").code == 0
