"""Effects: real librosa does what they say."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations.execute import execute
from acache.operations.verify.store import plan_removal, verify
from acache.store.store import Store
from tests.helpers.librosa_settings import config, probe
from tests.helpers.processes import run_line, run_python
from tests.helpers.pythons import LIBROSAS


@pytest.mark.parametrize(
    ("name", "raw", "does"),
    [
        ("LEVEL", "10", "stored"),
        ("LEVEL", "5", "nothing is cached"),
        ("LEVEL", "high", "raises ValueError"),
        ("MMAP", "c", "stored"),
        ("MMAP", "r+", "overwrite"),
        ("MMAP", "w+", "overwrite"),
        ("MMAP", "readwrite", "overwrite"),
        ("MMAP", "none", "raises ValueError"),
        ("MMAP", "None", "raises ValueError"),
        ("MMAP", "", "raises ValueError"),
        ("COMPRESS", "zlib", "stored"),
        ("COMPRESS", "lz4", "stored"),
        ("COMPRESS", "0", "every write fails"),
        ("COMPRESS", "1", "every write fails"),
        ("COMPRESS", "True", "every write fails"),
        ("COMPRESS", "", "every write fails"),
        ("VERBOSE", "x", "raises ValueError"),
        ("VERBOSE", "-1", "stored"),
        ("DIR", "", "stored"),
    ],
)
@pytest.mark.parametrize("python", [sys.executable, *LIBROSAS])
def test_effects_are_what_librosa_does(
    tmp_path: Path, python: str, name: str, raw: str, does: str
) -> None:
    assert probe(tmp_path, python, **{name: raw}) == does
    setting = getattr(config(**{name: raw}), {"DIR": "cache_dir"}.get(name, name.lower()))
    if does == "stored":
        assert setting.ok or name == "DIR"
    else:
        assert not setting.ok
        assert does in setting.effect


FILTERS = """
import librosa, sys, warnings
warnings.simplefilter("ignore")
y = librosa.chirp(fmin=110, fmax=880, duration=1, sr=22050)
for name in sys.argv[1:]:
    function = getattr(librosa, name, None) or getattr(librosa.feature, name)
    try:
        for _ in range(2):
            total = abs(function(y=y)).sum()
        print(name, round(float(total), 1))
    except ValueError:
        print(name, "raises ValueError")
"""


FILTER_USERS = ["cqt", "vqt", "chroma_cqt", "iirt"]


@functools.cache
def without_a_cache(python: str) -> str:
    """Return what the functions that use filters print."""
    return run_python(FILTERS, *FILTER_USERS, python=python)


@pytest.mark.parametrize("python", [sys.executable, *LIBROSAS])
@pytest.mark.parametrize("raw", ["c", "r", "readonly", "r+"])
def test_mmap_lets_librosa_write_into_cached_filters(tmp_path: Path, python: str, raw: str) -> None:
    setting = config(MMAP=raw).mmap
    names, plain = FILTER_USERS, without_a_cache(python)
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_MMAP": raw}
    told = run_python(FILTERS, *names, env=environ, python=python)
    assert setting.ok == (raw == "c")
    if raw == "c":
        assert told == plain
    elif raw == "r+":
        # And so they stay, whatever is set from then on, until all is cleared.
        del environ["LIBROSA_CACHE_MMAP"]
        after = run_python(FILTERS, *names, env=environ, python=python)
        wrong = [a for a, b in zip(after.split("\n"), plain.split("\n"), strict=True) if a != b]
        assert {line.split()[0] for line in wrong} >= {"cqt", "vqt"}
        assert "librosa.cqt, vqt and chroma_cqt do: later calls return wrong num" in setting.effect
        run_line("acache clear --all", **environ)
        assert run_python(FILTERS, *names, env=environ, python=python) == plain
    else:
        assert told == "".join(f"{name} raises ValueError\n" for name in names)
        assert "librosa.cqt, vqt, chroma_cqt and iirt raise ValueError" in setting.effect


def test_values_that_work_undocumented_warn_too() -> None:
    assert config(MMAP="readonly").mmap.value == "r"
    assert config(VERBOSE="-1").verbose.value == 0
    assert len(config(MMAP="readonly", VERBOSE="-1").warnings()) == 2


def test_mmap_write_destroys_what_is_loaded(tmp_path: Path) -> None:
    effect = config(MMAP="write").mmap.effect
    assert effect.startswith("zeros overwrite each result that is loaded, and are returned, or EOF")
    code = (
        "import librosa\n"
        "try: print(librosa.filters.get_window('hann', 16)[8])\n"
        "except EOFError: print('EOFError')"
    )
    told = []
    for mode in (None, "write", None):
        environ = {} if mode is None else {"LIBROSA_CACHE_MMAP": mode}
        told.append(run_python(code, env={**environ, "LIBROSA_CACHE_DIR": str(tmp_path)}).strip())
        if mode is not None:
            report = verify(Store(tmp_path))
            assert [one.kind for one in report.findings] == ["unreadable"]
            execute(plan_removal(report, broken=True, unsafe=False))
    assert told in (["1.0", wrong, "1.0"] for wrong in ("0.0", "EOFError"))


def test_mmap_of_compressed_results_maps_nothing(tmp_path: Path) -> None:
    both = config(MMAP="c", COMPRESS="zlib")
    assert not both.mmap.ok
    assert "cannot be mapped" in both.mmap.effect
    assert both.compress.ok
    code = (
        "import librosa\n"
        "for _ in range(2): w = librosa.filters.get_window('hann', 16)\n"
        "print(type(w).__name__)"
    )
    environ = {"LIBROSA_CACHE_MMAP": "c", "LIBROSA_CACHE_DIR": str(tmp_path)}
    assert run_python(code, env=environ) == "memmap\n"
    environ |= {"LIBROSA_CACHE_COMPRESS": "zlib", "LIBROSA_CACHE_DIR": str(tmp_path / "zlib")}
    assert run_python(code, env=environ) == "ndarray\n"


@pytest.mark.parametrize("raw", ["r", "r+", "none", "None", "", "foo"])
def test_mmap_of_compressed_results_warns_at_each_load(tmp_path: Path, raw: str) -> None:
    both = config(MMAP=raw, COMPRESS="zlib").mmap
    assert not both.ok
    assert "each load warns" in both.effect
    code = (
        "import librosa, warnings\n"
        "for _ in range(2):\n"
        "    with warnings.catch_warnings(record=True) as told:\n"
        "        warnings.simplefilter('always')\n"
        "        w = librosa.filters.get_window('hann', 16)\n"
        "    print(type(w).__name__, w[8], {one.category.__name__ for one in told})"
    )
    environ = {f"LIBROSA_CACHE_{n}": v for n, v in (("MMAP", raw), ("COMPRESS", "zlib"))}
    output = run_python(code, env={**environ, "LIBROSA_CACHE_DIR": str(tmp_path)})
    assert output == "ndarray 1.0 {'UserWarning'}\n" * 2


def test_empty_dir_caches_into_the_current_folder(tmp_path: Path) -> None:
    probe(tmp_path, DIR="")
    assert (tmp_path / "joblib" / "librosa" / "filters").is_dir()


def test_lz4_without_its_package() -> None:
    environ = {"LIBROSA_CACHE_COMPRESS": "lz4"}
    setting = Config.from_env(environ, has_lz4=lambda python: False).compress
    assert not setting.ok
    assert setting.value is None
    assert "lz4 is missing" in setting.effect
