"""`CacheManager` behaves as librosa's does, and its entries are joblib's."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import librosa._cache
import numpy as np
import pytest

import acache
from acache import AcacheWarning, CacheManager, Levels, Store, UsageError
from acache.memory.environment import cache_from_environment
from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from tests.helpers.processes import run_python

BOTH = pytest.mark.parametrize(
    "manager",
    [
        pytest.param(librosa._cache.CacheManager, id="librosa"),
        pytest.param(functools.partial(CacheManager, engine="fast"), id="fast"),
        pytest.param(functools.partial(CacheManager, engine="joblib"), id="joblib"),
    ],
)
ENGINES = pytest.mark.parametrize("engine", ["fast", "joblib"])
Manager = Callable[..., Any]


def func(x: int) -> np.ndarray:
    return np.arange(x)


class Doubler:
    def double(self, x: int) -> int:
        return 2 * x


# What librosa's own tests/test_cache.py asks, of both classes.


@BOTH
def test_cache_disabled(manager: Manager) -> None:
    cache = manager(None, verbose=0, level=10)
    assert cache(level=-10)(func) == func


@BOTH
def test_cache_enabled(manager: Manager, tmp_path: Path) -> None:
    cache = manager(str(tmp_path), verbose=0, level=10)
    cache.clear()
    cached = cache(level=-10)(func)
    assert cached != func
    expected = func(5)
    for _ in range(3):
        assert np.allclose(cached(5), expected)


# What else librosa's class does.


@BOTH
def test_level_above_the_configured_one_is_not_cached(manager: Manager, tmp_path: Path) -> None:
    cache = manager(str(tmp_path), verbose=0, level=20)
    assert cache(level=21)(func) is func
    assert cache(level=20)(func) is not func
    assert cache.level == 20
    assert isinstance(cache.memory, joblib.Memory)


@BOTH
def test_level_may_be_positional(manager: Manager, tmp_path: Path) -> None:
    assert manager(str(tmp_path), verbose=0)(10)(func) is not func
    assert manager(str(tmp_path), verbose=0)(11)(func) is func


@BOTH
def test_cached_function_looks_like_the_original(manager: Manager, tmp_path: Path) -> None:
    def original(x: int, *, k: int = 3) -> int:
        """Multiply."""
        return x * k

    cached = manager(str(tmp_path), verbose=0)(10)(original)
    assert inspect.isfunction(cached)
    assert inspect.signature(cached) == inspect.signature(original)
    assert (cached.__name__, cached.__doc__) == ("original", "Multiply.")
    assert cached.__module__ == original.__module__
    assert cached.__wrapped__ is original
    assert cached(2) == 6
    with pytest.raises(TypeError, match="positional argument"):
        cached(1, 2)
    with pytest.raises(TypeError, match="unexpected keyword"):
        cached(1, nothing=2)


@BOTH
def test_cached_method_is_bound(manager: Manager, tmp_path: Path) -> None:
    cached = manager(str(tmp_path), verbose=0)(level=10)(Doubler.double)
    bound = cached.__get__(Doubler())
    assert [bound(4), bound(4)] == [8, 8]
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


@BOTH
def test_manager_has_the_methods_of_memory(manager: Manager, tmp_path: Path) -> None:
    cache = manager(str(tmp_path), verbose=0)
    assert cache.eval(func, 3).tolist() == [0, 1, 2]
    assert cache.format(1) == cache.memory.format(1)
    cache.warn("just so")
    cache.reduce_size(items_limit=0)
    assert not list(tmp_path.rglob("output.pkl"))
    cache.eval(func, 3)
    cache.clear(warn=False)
    assert not list(tmp_path.rglob("output.pkl"))


# What ours adds.


def test_cached_method_keeps_its_qualified_name(tmp_path: Path) -> None:
    cached = CacheManager(str(tmp_path), verbose=0)(level=10)(Doubler.double)
    assert cached.__qualname__ == "Doubler.double"


@pytest.mark.skipif(
    not hasattr(joblib.memory, "AsyncMemorizedFunc"), reason="joblib caches coroutines since 1.4"
)
def test_cached_coroutine_function_is_one(tmp_path: Path) -> None:
    calls: list[int] = []

    async def double(x: int) -> int:
        calls.append(x)
        return 2 * x

    cached = CacheManager(str(tmp_path), verbose=0)(10)(double)
    assert inspect.iscoroutinefunction(cached)
    assert [asyncio.run(cached(4)), asyncio.run(cached(4))] == [8, 8]
    assert calls == [4]


def test_options_reach_joblib(tmp_path: Path) -> None:
    cache = CacheManager(str(tmp_path), verbose=0, mmap_mode="r")
    calls: list[int] = []
    seen: list[dict[str, Any]] = []

    @cache(level=10, ignore=["log"], cache_validation_callback=lambda m: seen.append(m) or True)
    def f(x: int, log: list[int]) -> np.ndarray:
        log.append(x)
        return np.arange(x)

    assert isinstance(f(3, calls), np.memmap)
    assert isinstance(f(3, [0]), np.memmap)
    assert calls == [3]
    assert [sorted(m) for m in seen] == [["duration", "input_args", "time"]]
    plain = cache(level=10, mmap_mode=None, verbose=0)(func)
    assert not isinstance(plain(3), np.memmap)


def test_wrong_use_is_an_error_that_says_how(tmp_path: Path) -> None:
    cache = CacheManager(str(tmp_path))
    with pytest.raises(TypeError, match=r"@cache\(level=20\)"):
        cache(func)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'colour'"):
        cache(level=10, colour="red")


def test_callable_objects_stay_callable(tmp_path: Path) -> None:
    cached = CacheManager(str(tmp_path), verbose=0)(10)(np.add)
    assert cached(1, 2) == 3
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


def test_path_is_the_store_itself_as_in_joblib(tmp_path: Path) -> None:
    def only_here(x: int) -> int:
        return x

    CacheManager(tmp_path, verbose=0)(10)(only_here)(3)
    assert Store(tmp_path).path == str(tmp_path)
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


MODULE = """
    import os, sys
    from acache import CacheManager
    import joblib

    location = sys.argv[2]
    def compute(x):
        print("computed")
        return [x]
    if sys.argv[1] == "acache":
        cached = CacheManager(location, verbose=0)(level=10)(compute)
    else:
        cached = joblib.Memory(location, verbose=0).cache(compute)
    print(cached(7))
"""


def test_joblib_and_acache_hit_each_others_entries(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(MODULE))
    for first, second in (("acache", "joblib"), ("joblib", "acache")):
        code = (
            f"import runpy, sys; sys.argv[0] = {str(script)!r}\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')"
        )
        location = tmp_path / first
        assert run_python(code, first, location) == "computed\n[7]\n"
        assert run_python(code, second, location) == "[7]\n"


def test_level_that_the_source_does_not_show_is_recorded(tmp_path: Path) -> None:
    cache = CacheManager(str(tmp_path), level=50, verbose=0)

    @cache(level=20)
    def shown(x: int) -> int:
        return x

    @cache(level=20 + 10)
    def computed(x: int) -> int:
        return x

    def called(x: int) -> int:
        return x

    cached = [shown, computed, cache(level=40)(called), cache(level=50)(lambda x: x)]
    for f in cached:
        f(1)
    store = Store(tmp_path)
    report = stats(store, Levels(store, InstalledSources()))
    assert {r.function.rpartition(".")[2]: r.level for r in report.functions} == {
        "shown": 20,
        "computed": 30,
        "called": 40,
        "<lambda>": 50,
    }
    assert len(os.listdir(tmp_path / ".acache" / "levels")) == 3


def test_clearing_keeps_recorded_levels(tmp_path: Path) -> None:
    def f(x: int) -> int:
        return x

    cache = CacheManager(tmp_path, level=40, verbose=0)
    cached = cache(level=40)(f)
    cached(1)
    cache.clear(warn=False)
    cached(1)
    store = Store(tmp_path)
    assert [r.level for r in stats(store, Levels(store, InstalledSources())).functions] == [40]


def test_location_may_be_any_path(tmp_path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path)

    CacheManager(Place(), verbose=0)(level=10)(func)(3)
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


@BOTH
def test_level_of_numpy_and_a_memory_of_ones_own(manager: Manager, tmp_path: Path) -> None:
    cache = manager(None)
    assert cache(level=np.int64(10))(func) is func
    cache.memory = joblib.Memory(str(tmp_path), verbose=0)
    assert cache(level=np.int64(10))(func) is not func


# The engine.


@ENGINES
def test_cached_function_carries_its_controls(tmp_path: Path, engine: Any) -> None:
    cached: Any = CacheManager(str(tmp_path), engine=engine, verbose=0)(level=10)(func)
    assert cached.cache_why(3)[:3] == (False, "first-call", cached.cache_key(3))
    for _ in range(3):
        assert cached(3).tolist() == [0, 1, 2]
    assert cached.cache_info()[:2] == (2, 1)
    assert cached.cache_key(3).startswith("tests.memory.test_manager.func/")
    assert cached.cache_why(3).hit
    assert cached.cache_why(4).reason == "argument"
    assert cached.cache_forget(3)
    assert not cached.cache_why(3).hit
    cached(4)
    cached.cache_clear()
    assert not list(tmp_path.rglob("output.pkl"))
    assert cached.__wrapped__ is func


@ENGINES
def test_cached_methods_controls_take_the_object(tmp_path: Path, engine: Any) -> None:
    cached: Any = CacheManager(str(tmp_path), engine=engine, verbose=0)(level=10)(Doubler.double)
    doubler = Doubler()
    cached.__get__(doubler)(4)
    assert cached.cache_why(doubler, 4).hit
    assert cached.cache_info().misses == 1


def test_options_of_one_function_hold_for_it(tmp_path: Path) -> None:
    seen: list[Any] = []
    cache = CacheManager(str(tmp_path), verbose=0)
    for _ in range(3):
        mapped = cache(level=10, mmap_mode="r")(func)
        assert type(mapped(5)) is np.memmap
        assert type(cache(level=10)(func)(5)) is np.ndarray
    checked = cache(level=10, cache_validation_callback=seen.append)(func)
    checked(5)
    assert len(seen) == 1
    assert (
        cache(level=10, ignore=["x"])(func)(6).size == cache(level=10, ignore=["x"])(func)(7).size
    )


def test_engine_is_chosen_by_argument_and_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert CacheManager().engine == "fast"
    monkeypatch.setenv("ACACHE_ENGINE", "joblib")
    assert CacheManager().engine == cache_from_environment().engine == "joblib"
    assert CacheManager(engine="fast").engine == "fast"
    monkeypatch.setenv("ACACHE_ENGINE", "steam")
    with pytest.warns(AcacheWarning, match="ACACHE_ENGINE not valid: 'steam'; choose from fast"):
        assert CacheManager().engine == "fast"
    with pytest.raises(UsageError, match="engine not valid: 'steam'; choose from fast, joblib"):
        CacheManager(engine="steam")  # type: ignore[arg-type]


def test_memory_of_ones_own_is_answered_fast_too(tmp_path: Path) -> None:
    cache = CacheManager(None)
    cache.memory = joblib.Memory(str(tmp_path), verbose=0)
    cached: Any = cache(level=10)(func)
    assert [cached(3).tolist() for _ in range(2)] == [[0, 1, 2]] * 2
    assert cached.cache_info()[:2] == (1, 1)
    assert (tmp_path / ".acache" / "keys").exists()


# The environment's cache.


def from_environment(
    monkeypatch: pytest.MonkeyPatch, location: Path | None, **environ: str
) -> CacheManager:
    if location is not None:
        monkeypatch.setenv("LIBROSA_CACHE_DIR", str(location))
    for name, value in environ.items():
        monkeypatch.setenv(f"LIBROSA_CACHE_{name}", value)
    return cache_from_environment()


def test_environment_without_a_location_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_environment(monkeypatch, None)(level=10)(func) is func


@pytest.mark.parametrize(
    ("name", "value", "magic"),
    [
        ("COMPRESS", "0", b"\x80"),
        ("COMPRESS", "1", b"x"),
        ("COMPRESS", "5", b"x"),
        ("COMPRESS", "zlib", b"x"),
        ("COMPRESS", "gzip", b"\x1f\x8b"),
        ("COMPRESS", "bz2", b"BZ"),
        ("COMPRESS", "lzma", b"\x5d\x00"),
        ("COMPRESS", "xz", b"\xfd7z"),
        ("COMPRESS", "lz4", b"\x04\x22"),
        ("MMAP", "none", b"\x80"),
        ("MMAP", "r", b"\x80"),
        ("MMAP", "c", b"\x80"),
        ("MMAP", "r+", b"\x80"),
        ("MMAP", "w+", b"\x80"),
        ("VERBOSE", "0", b"\x80"),
        ("VERBOSE", "1", b"\x80"),
        ("LEVEL", "10", b"\x80"),
    ],
)
def test_documented_values_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, magic: bytes
) -> None:
    cache = from_environment(monkeypatch, tmp_path, **{name: value})
    cached = cache(level=10)(func)
    for _ in range(2):
        result = cached(1000)
        assert result.tolist() == list(range(1000))
    assert isinstance(result, np.memmap) is (name == "MMAP" and value != "none")
    [output] = tmp_path.rglob("output.pkl")
    assert output.read_bytes().startswith(magic)
    assert not list(tmp_path.rglob("output.pkl.*"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEVEL", "x"), ("MMAP", "None"), ("MMAP", ""), ("COMPRESS", "True"), ("VERBOSE", "x")],
)
def test_values_that_are_not_documented_warn_and_take_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    with pytest.warns(AcacheWarning, match=f"LIBROSA_CACHE_{name}={value!r} is ignored"):
        cache = from_environment(monkeypatch, tmp_path, **{name: value})
    assert cache.level == 10
    assert cache(level=10)(func)(3).tolist() == [0, 1, 2]
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


def test_empty_dir_warns_and_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", "")
    with pytest.warns(AcacheWarning, match="LIBROSA_CACHE_DIR=''"):
        cache = cache_from_environment()
    assert cache(level=10)(func) is func


def test_location_that_cannot_be_made_warns_and_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    cache = from_environment(monkeypatch, tmp_path / "file")
    with pytest.warns(AcacheWarning, match="caching is off"):
        assert cache(level=10)(func) is func
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache(level=10)(func) is func


def test_store_that_cannot_be_written_warns_and_is_off(
    tmp_path: Path, as_nobody: int | None
) -> None:
    (tmp_path / "joblib").mkdir()
    (tmp_path / "joblib").chmod(0o555)
    code = (
        "import os, sys, warnings, acache.memory.environment, joblib, decorator\n"
        # A call imports what caching needs: the other user may not be able to read it.
        "def warm(x): return x\n"
        "assert acache.CacheManager(sys.argv[1], verbose=0)(level=10)(warm)(3) == 3\n"
        "warnings.simplefilter('always')\n"
        f"if {as_nobody}: os.setuid({as_nobody})\n"
        "cache = acache.memory.environment.cache_from_environment()\n"
        "def f(x): return x\n"
        "assert cache(level=10)(f) is f\n"
        "assert cache(level=10)(f)(3) == 3\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "elsewhere"],
        env={**os.environ, "LIBROSA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("AcacheWarning: caching is off: cannot write") == 1


def test_removed_current_folder_is_survived(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "from acache import cache; print(cache.level)"
    )
    for number, value in enumerate(("", "relative")):
        environ = {"LIBROSA_CACHE_DIR": value}
        assert run_python(code, tmp_path / str(number), env=environ) == "10\n"


def test_prefix_that_is_not_valid_warns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACACHE_ENV_PREFIX", "not a name")
    with pytest.warns(AcacheWarning, match="ACACHE_ENV_PREFIX"):
        cache = from_environment(monkeypatch, tmp_path)
    assert cache(level=10)(func) is not func


def test_prefix_of_another_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACACHE_ENV_PREFIX", "MY")
    monkeypatch.setenv("MY_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("MY_CACHE_LEVEL", "30")
    assert cache_from_environment().level == 30
    assert cache_from_environment()(level=30)(func) is not func


def test_importing_cache_never_raises(tmp_path: Path) -> None:
    environ = {f"LIBROSA_CACHE_{n}": "nonsense" for n in ("LEVEL", "MMAP", "COMPRESS", "VERBOSE")}
    environ |= {"LIBROSA_CACHE_DIR": str(tmp_path), "ACACHE_ENV_PREFIX": ""}
    assert run_python("from acache import cache; print(cache.level)", env=environ) == "10\n"


def test_public_names() -> None:
    for name in acache.__all__:
        assert getattr(acache, name) is not None
        assert name in dir(acache)
    with pytest.raises(AttributeError, match="nothing"):
        acache.nothing  # noqa: B018
    assert sys.modules["acache.memory.environment"].cache is acache.cache
