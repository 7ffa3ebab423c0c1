"""Settings: value, origin and effect; and that librosa really does what the effects say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations.execute import execute
from acache.operations.verify.store import plan_removal, verify
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.system.errors import ConfigurationError, UsageError
from tests.conftest import run_line, run_python


def config(**environ: str) -> Config:
    return Config.from_env({f"LIBROSA_CACHE_{name}": value for name, value in environ.items()})


def test_defaults() -> None:
    defaults = config()
    assert defaults.location is None
    assert defaults.level == 10
    assert defaults.prefix == "LIBROSA"
    assert defaults.python == sys.executable
    assert {s.name: s.value for s in defaults.settings} == {
        "cache-dir": None,
        "level": 10,
        "mmap": None,
        "compress": False,
        "verbose": 0,
        "max-size": None,
        "max-age": None,
        "max-items": None,
        "env-prefix": "LIBROSA",
        "python": sys.executable,
    }
    assert {s.origin for s in defaults.settings} == {"default"}
    assert all(s.ok and s.documented for s in defaults.settings)
    assert defaults.warnings() == []


def test_flags_over_environment_over_default(tmp_path: Path) -> None:
    environ = {"LIBROSA_CACHE_DIR": "/a", "MY_CACHE_DIR": "/b", "ACACHE_ENV_PREFIX": "MY"}
    assert Config.from_env(environ).location == os.path.abspath("/b")
    assert Config.from_env(environ).setting("cache-dir").origin == "environment"
    assert Config.from_env(environ, prefix="LIBROSA").location == os.path.abspath("/a")
    flagged = Config.from_env(environ, cache_dir=str(tmp_path))
    assert flagged.location == str(tmp_path)
    assert flagged.setting("cache-dir").origin == "flag"


def test_the_active_environment_gives_the_python(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        setting = Config.from_env({variable: str(tmp_path)}).setting("python")
        assert (setting.value, setting.origin) == (str(python), "environment")
    without = tmp_path / "without"
    without.mkdir()
    assert Config.from_env({"CONDA_PREFIX": str(without)}).python == sys.executable
    assert Config.from_env({}, python=str(python)).python == str(python)


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_environment_that_is_gone_is_told(tmp_path: Path, variable: str) -> None:
    gone = Config.from_env({variable: str(tmp_path / "gone")})
    [warning] = gone.warnings()
    assert warning.startswith(f"{variable}=")
    assert "there is no Python in it" in warning
    # Nothing is known of what is installed, rather than something of another Python.
    assert InstalledSources(gone.python).search_path == []
    with pytest.raises(ConfigurationError, match="no Python in it"):
        gone.require_python()
    given = Config.from_env({variable: str(tmp_path / "gone")}, python=sys.executable)
    assert given.require_python() == sys.executable
    assert given.warnings() == []


DOCUMENTED = {
    "LEVEL": {"0": 0, "30": 30, "-10": -10, " 20 ": 20},
    "MMAP": {"none": None, "r": "r", "c": "c", "r+": "r+", "w+": "w+"},
    "COMPRESS": {"0": False, "1": True, "9": 9, "zlib": "zlib", "xz": "xz", "lz4": "lz4"},
    "VERBOSE": {"0": 0, "11": 11},
    "MAX_SIZE": {"10GB": 10**10},
    "MAX_AGE": {"7d": 604_800},
    "MAX_ITEMS": {"1000": 1000},
}


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [(name, raw, value) for name, values in DOCUMENTED.items() for raw, value in values.items()],
)
def test_documented_values(name: str, raw: str, value: object) -> None:
    setting = config(**{name: raw}).setting(name.lower().replace("_", "-"))
    assert setting.value == value
    assert type(setting.value) is type(value) or name == "MAX_AGE"
    assert setting.documented
    assert (setting.origin, setting.raw) == ("environment", raw)


UNDOCUMENTED = {
    "LEVEL": ["", "high", "1.5"],
    "MMAP": ["", "None", "x", "R", "write"],
    "COMPRESS": ["", "True", "10", "-1", "ZLIB", "snappy"],
    "VERBOSE": ["", "x"],
    "MAX_SIZE": ["", "-1", "5XB", "1e400"],
    "MAX_AGE": ["", "7", "-7d"],
    "MAX_ITEMS": ["", "-1", "1.5", "x", "٣"],
}


@pytest.mark.parametrize(
    ("name", "raw"), [(name, raw) for name, values in UNDOCUMENTED.items() for raw in values]
)
def test_other_values_have_no_meaning_and_are_told(name: str, raw: str) -> None:
    told = config(**{name: raw})
    setting = told.setting(name.lower().replace("_", "-"))
    assert setting.value is None
    assert not setting.documented
    assert not setting.ok
    [warning] = told.warnings()
    assert warning.startswith(f"LIBROSA_CACHE_{name}={raw!r}: ")


def test_a_level_that_is_no_number_is_null() -> None:
    assert config(LEVEL="high").level is None


def test_an_empty_dir_is_the_current_folder() -> None:
    assert config(DIR="").location == os.getcwd()
    assert not config(DIR="").setting("cache-dir").ok


def test_a_relative_dir_is_told() -> None:
    setting = config(DIR="cache").setting("cache-dir")
    assert setting.value == os.path.abspath("cache")
    assert "relative" in setting.effect


def test_no_location_tells_both_ways_to_give_one() -> None:
    with pytest.raises(ConfigurationError, match=r"LIBROSA_CACHE_DIR .* --cache-dir"):
        config().require_location()
    assert config(DIR="/x").require_location() == os.path.abspath("/x")


def test_arguments_that_make_no_sense() -> None:
    for prefix in ("", "A B", "1A", "Ä"):
        with pytest.raises(UsageError, match="--env-prefix"):
            Config.from_env({}, prefix=prefix)
        with pytest.raises(UsageError, match="ACACHE_ENV_PREFIX"):
            Config.from_env({"ACACHE_ENV_PREFIX": prefix})
    with pytest.raises(UsageError, match="--cache-dir"):
        Config.from_env({}, cache_dir="")
    with pytest.raises(UsageError, match="--python"):
        Config.from_env({}, python="/no/such/python")


PROBE = """
import pathlib, warnings
warnings.simplefilter("ignore")
try:
    import librosa
    for _ in range(2):
        librosa.filters.get_window("hann", 16)
except ValueError:
    print("raises ValueError")
else:
    store = pathlib.Path(librosa.cache.memory.location, "joblib")
    names = [f.name for f in store.rglob("output.pkl*")]
    if "output.pkl" in names:
        window = librosa.filters.get_window("hann", 16)
        if window.flags.writeable and hasattr(window, "mode"):
            window[:] = 7
        spoilt = librosa.filters.get_window("hann", 16)[0] == 7
        print("overwrite" if spoilt else "stored")
    else:
        print("every write fails" if names else "nothing is cached")
"""


def probe(folder: Path, **environ: str) -> str:
    """Tell what real librosa does with a setting."""
    variables = {f"LIBROSA_CACHE_{name}": value for name, value in environ.items()}
    return subprocess.check_output(
        [sys.executable, "-c", PROBE],
        cwd=folder,
        env={**os.environ, "LIBROSA_CACHE_DIR": str(folder), **variables},
        text=True,
    ).strip()


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
def test_librosa_does_what_the_effect_says(tmp_path: Path, name: str, raw: str, does: str) -> None:
    assert probe(tmp_path, **{name: raw}) == does
    setting = config(**{name: raw}).setting({"DIR": "cache-dir"}.get(name, name.lower()))
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


@pytest.mark.parametrize("raw", ["c", "r", "readonly", "r+"])
def test_librosa_writes_into_cached_filters(tmp_path: Path, raw: str) -> None:
    setting = config(MMAP=raw).setting("mmap")
    names = ["cqt", "vqt", "chroma_cqt", "iirt"]
    plain = run_python(FILTERS, *names)
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_MMAP": raw}
    told = run_python(FILTERS, *names, env=environ)
    assert setting.ok == (raw == "c")
    if raw == "c":
        assert told == plain
    elif raw == "r+":
        # And so they stay, whatever is set from then on, until all is cleared.
        del environ["LIBROSA_CACHE_MMAP"]
        after = run_python(FILTERS, *names, env=environ)
        wrong = [a for a, b in zip(after.split("\n"), plain.split("\n"), strict=True) if a != b]
        assert {line.split()[0] for line in wrong} >= {"cqt", "vqt"}
        assert "librosa.cqt, vqt and chroma_cqt do: later calls return wrong num" in setting.effect
        run_line("acache clear --all", **environ)
        assert run_python(FILTERS, *names, env=environ) == plain
    else:
        assert told == "".join(f"{name} raises ValueError\n" for name in names)
        assert "librosa.cqt, vqt, chroma_cqt and iirt raise ValueError" in setting.effect


def test_what_works_against_the_documentation_is_told_too() -> None:
    assert config(MMAP="readonly").setting("mmap").value == "r"
    assert config(VERBOSE="-1").setting("verbose").value == 0
    assert len(config(MMAP="readonly", VERBOSE="-1").warnings()) == 2


def test_the_mode_write_destroys_what_is_loaded(tmp_path: Path) -> None:
    effect = config(MMAP="write").setting("mmap").effect
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


def test_compressed_results_cannot_be_mapped(tmp_path: Path) -> None:
    both = config(MMAP="c", COMPRESS="zlib")
    assert not both.setting("mmap").ok
    assert "cannot be mapped" in both.setting("mmap").effect
    assert both.setting("compress").ok
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
def test_mapping_compressed_results_warns_at_each_load(tmp_path: Path, raw: str) -> None:
    both = config(MMAP=raw, COMPRESS="zlib").setting("mmap")
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


def test_the_empty_dir_caches_into_the_current_folder(tmp_path: Path) -> None:
    probe(tmp_path, DIR="")
    assert (tmp_path / "joblib" / "librosa" / "filters").is_dir()


def test_lz4_without_its_package() -> None:
    environ = {"LIBROSA_CACHE_COMPRESS": "lz4"}
    setting = Config.from_env(environ, has_lz4=lambda python: False).setting("compress")
    assert not setting.ok
    assert setting.value is None
    assert "lz4 is missing" in setting.effect
