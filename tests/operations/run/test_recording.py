"""Hits and misses of a trace are those that the script counts itself, and the script sees nothing.

A cached function notes each call outside of the cache and each computation inside of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest

from acache.operations.run.session import Tracing
from acache.operations.run.trace_log import FunctionCalls, Trace
from acache.store.call_log import has_calls, read_calls
from tests.helpers.processes import PATIENCE_SECONDS

# A module, so that other processes can import what they are sent.
COUNTED = """
import os
from joblib import Memory

memory = Memory(os.environ["STORE"], verbose=0, mmap_mode=os.environ.get("MMAP"))

def note(what):
    descriptor = os.open(os.environ["COUNTS"] + what, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b".")
    os.close(descriptor)

@memory.cache(ignore=["noise"])
def _double(x, noise=0):
    note("computed")
    if isinstance(x, str) and x == "bad":
        raise KeyError(x)
    return x * 2

@memory.cache
def _sum_up_to(n):
    note("computed")
    return n + sum_up_to(n - 1) if n else 0

@memory.cache
def _both(x):
    note("computed")
    return double(x), sum_up_to(x)

@memory.cache
async def _later(x):
    import asyncio
    note("computed")
    await asyncio.sleep(0.01)
    return double(x) * 2

def double(x, **options):
    note("called")
    return _double(x, **options)

def sum_up_to(n):
    note("called")
    return _sum_up_to(n)

def both(x):
    note("called")
    return _both(x)

async def later(x):
    note("called")
    return await _later(x)
"""

SCENARIOS = {
    "plain": "for x in (1, 2, 1, 'a', 1): double(x)",
    "recursion": "sum_up_to(5); sum_up_to(5); sum_up_to(7)",
    "nested": "both(3); both(3); both(4); double(4)",
    "ignore": "double(1, noise=1); double(1, noise=2)",
    "exceptions": """
double(1); double(1)
for _ in range(2):
    try:
        double("bad")
    except KeyError as error:
        assert error.args == ("bad",)
""",
    "wrong arguments": """
double(1); double(1)
for _ in range(2):
    try:
        _double(nonsense=1)
    except (TypeError, ValueError):
        pass
    else:
        raise AssertionError
""",
    "call": """
double(1); double(1)
note("called"); _double.call(1)
note("called"); _sum_up_to.call(4)
""",
    "shelving": """
for _ in range(2):
    note("called")
    assert _double.call_and_shelve(5).get() == 10
_double.check_call_in_cache(5)
""",
    "a shelved result inside": """
shelf = _double.call_and_shelve(5); note("called")
@memory.cache
def opens(x):
    note("computed")
    _double.check_call_in_cache(5)
    return shelf.get() + x
for _ in range(2):
    note("called"); opens(1)
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    list(pool.map(double, range(30)))
    list(pool.map(both, range(5)))
    list(pool.map(double, range(30)))
""",
    "tasks": """
import asyncio
async def main():
    await asyncio.gather(*map(later, range(5)))
    await asyncio.gather(*map(later, range(7)))
    note("called"); await _later.call(1)
    note("called"); await _later.call_and_shelve(1)
    note("called"); await _later.call_and_shelve(100)
if hasattr(joblib.memory, "AsyncMemorizedFunc"):
    asyncio.run(main())
else:
    double(1); double(1)
""",
    "fork": """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(double, list(range(8)), chunksize=1)
    pool.map(double, list(range(10)), chunksize=1)
    pool.close(); pool.join()
""",
    "spawn": """
import multiprocessing
with multiprocessing.get_context("spawn").Pool(1) as pool:
    pool.map(double, [1, 2, 1])
    pool.close(); pool.join()
""",
    "Parallel": """
joblib.Parallel(2)(joblib.delayed(both)(x) for x in range(4))
joblib.Parallel(2)(joblib.delayed(double)(x) for x in range(6))
joblib.Parallel(2)(joblib.delayed(_double)(x) for x in range(6)); [note("called") for _ in range(6)]
""",
    "a fork that leaves at once": """
double(1); double(1)
if os.fork() == 0:
    double(1); double(2)
    os._exit(0)
os.wait()
""",
    "closed descriptors": "double(1); os.closerange(0, 1000); double(1); double(2)",
    "a damaged entry": """
import logging, pathlib
logging.disable()
double(1); double(1)
for output in pathlib.Path(memory.store_backend.location).rglob("output.pkl"):
    output.write_bytes(b"damaged")
double(1)
""",
    "a stale entry": """
double(1); double(1)
_double.clear(warn=False)
double(1)
""",
    "eval": "memory.eval(len, 'abc')\nfor _ in range(2): note('called'); memory.eval(len, 'abc')\n"
    "note('called'); note('computed')",
}  # fmt: skip
if os.name == "nt":
    for name in ("fork", "a fork that leaves at once", "closed descriptors"):
        del SCENARIOS[name]

Run = Callable[..., tuple[Trace, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run code, traced, and return the trace and what was printed."""

    def traced(code: str, *options: str, **variables: str) -> tuple[Trace, str]:
        (tmp_path / "counted.py").write_text(COUNTED)
        script = tmp_path / "script.py"
        script.write_text(
            "import joblib, os\nfrom counted import *\n"
            "from counted import _double, _sum_up_to, _later\nif __name__ == '__main__':\n"
            + "".join(f"    {line}\n" for line in code.splitlines())
        )
        environ = {
            **os.environ,
            "STORE": str(tmp_path / "store"),
            "COUNTS": f"{tmp_path}{os.sep}",
            **variables,
        }
        with Tracing() as tracing:
            done = subprocess.run(
                [sys.executable, *options, script],
                env=tracing.environment(environ),
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
            assert (done.stderr, done.returncode) == ("", 0)
            return tracing.read(), done.stdout

    return traced


def counted(folder: Path) -> tuple[int, int]:
    """Return hits and misses as the script counted them."""
    called, computed = ((folder / name).stat().st_size for name in ("called", "computed"))
    return called - computed, computed


def total(trace: Trace) -> tuple[int, int]:
    return sum(row.hits for row in trace.functions), sum(row.misses for row in trace.functions)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_calls_are_counted(run: Run, tmp_path: Path, scenario: str) -> None:
    trace, _ = run(SCENARIOS[scenario])
    hits, misses = counted(tmp_path)
    assert hits > 0
    assert misses > 0
    assert total(trace) == (hits, misses)
    assert trace.hits_and_misses(str(tmp_path / "store" / "joblib")) == (hits, misses)
    assert trace.hits_and_misses(str(tmp_path / "other" / "joblib")) == (0, 0)
    logged = list(read_calls(str(tmp_path / "store" / "joblib")))
    if scenario == "a fork that leaves at once":
        # That child loses its last second.
        hits, misses = hits - 1, misses - 1
    assert (sum(c.hit for c in logged), sum(not c.hit for c in logged)) == (hits, misses)


REASONS = """
import logging, pathlib, warnings
logging.disable()
warnings.simplefilter("ignore")

def defined(text, **options):
    pathlib.Path("defined.py").write_text(text)
    code = compile(text, "defined.py", "exec")
    names = {"__name__": "defined"}
    exec(code, names)
    import linecache
    linecache.checkcache()
    return memory.cache(names["f"], verbose=0, **options)

os.chdir(os.environ["COUNTS"])
f = defined("def f(x, y=(2,)): return [x]")
f(1); f(1)
f.call(1)
for output in pathlib.Path(memory.store_backend.location).rglob("output.pkl"):
    output.write_bytes(b"damaged")
f(1)
defined("def f(x, y=(2,)): return [x]", cache_validation_callback=lambda metadata: False)(1)
g = defined("def f(x, y=(2,)): return [x, x]")
g(1)
def bad(x): raise KeyError
try: memory.cache(bad)(1)
except KeyError: pass
memory.cache(lambda x: (i for i in ()))(1)
"""


def test_log_has_reasons_arguments_and_errors(run: Run, tmp_path: Path) -> None:
    run(REASONS)
    calls = list(read_calls(str(tmp_path / "store" / "joblib")))
    ours = [call for call in calls if call.function == "defined/f"]
    assert [call.reason for call in ours] == [
        "absent",
        "",
        "forced",
        "unreadable",
        "expired",
        "source-changed",
    ]
    assert len({call.hash for call in ours}) == 1
    arguments = {("x", f"m{joblib.hash(1)}", "1"), ("y", f"m{joblib.hash((2,))}", "(2,)")}
    assert set(ours[0].arguments) == arguments
    assert all(call.bytes_stored > 0 and not call.error for call in ours if not call.hit)
    raised, unstored = (call for call in calls if call.function != "defined/f")
    assert (raised.reason, raised.arguments, raised.error) == ("absent", (), "")
    assert unstored.error


def test_log_is_not_kept_where_none_is_wanted(run: Run, tmp_path: Path) -> None:
    run("double(1); double(1)", ACACHE_CALL_LOG="0")
    assert not has_calls(str(tmp_path / "store" / "joblib"))


@pytest.mark.parametrize("mode", ["r", "c"])
def test_mapped_results_are_counted(run: Run, tmp_path: Path, mode: str) -> None:
    code = "import numpy\nfor _ in range(3): assert double(numpy.ones(9)).sum() == 18"
    trace, _ = run(code, MMAP=mode)
    assert total(trace) == counted(tmp_path) == (2, 1)
    assert trace.functions[0].bytes_loaded == 3 * trace.functions[0].bytes_stored > 0


def only(trace: Trace) -> FunctionCalls:
    [row] = trace.functions
    return row


def test_sizes_and_names_are_those_on_disk(run: Run, tmp_path: Path) -> None:
    row = only(run("double('x' * 1000); double('x' * 1000); double('x' * 1000)")[0])
    [output] = (tmp_path / "store").rglob("output.pkl")
    assert Path(row.store) == tmp_path / "store" / "joblib"
    assert row.function == output.parents[1].relative_to(row.store).as_posix()
    assert dict(row.hit_entries) == {output.parent.name: 2}
    assert row.bytes_stored == output.stat().st_size
    assert row.bytes_loaded == 2 * row.bytes_stored


# The recorder's clock stands still, but where the script lets time pass.
CLOCK = """
now = 0.0
def clock():
    return now
def wait(seconds):
    global now
    now += seconds
joblib.memory.MemorizedFunc.__call__.__globals__["perf_counter"] = clock
"""


def test_seconds_are_in_their_phases(run: Run) -> None:
    row = only(
        run(f"""{CLOCK}
class Slow:
    def __init__(self, seconds): self.seconds = seconds
    def __reduce__(self):
        wait(self.seconds)
        return (Slow, (self.seconds,))
@memory.cache
def f(slow):
    wait(20)
    return Slow(300)
f(Slow(1))
""")[0]
    )
    assert row.misses == 1
    hashes = 1 if hasattr(joblib.memory.MemorizedFunc, "_get_args_id") else 3
    assert row.hash_seconds == hashes
    assert row.compute_seconds == 20
    assert row.store_seconds == 300
    assert row.load_seconds == row.hit_seconds == 0


def test_loading_is_timed(run: Run) -> None:
    row = only(
        run(f"""{CLOCK}
def slow(): wait(4000)
class Slow:
    def __reduce__(self): return (slow, ())
@memory.cache
def f(): return Slow()
f(); f()
""")[0]
    )
    assert (row.hits, row.misses) == (1, 1)
    assert row.load_seconds == row.hit_seconds == 4000


def test_name_cannot_be_taken_for_a_line(run: Run, tmp_path: Path) -> None:
    odd = tmp_path / "a\tb\nhit\\n\\c\udcff" if os.name != "nt" else tmp_path / "a b"
    row = only(run("double(1); double(1)", STORE=str(odd))[0])
    assert row.store == str(odd / "joblib")
    assert (row.hits, row.misses) == (1, 1)


def test_relative_store_is_told_in_full(run: Run, tmp_path: Path) -> None:
    trace, _ = run("os.chdir(os.environ['COUNTS']); double(1)", STORE="near")
    assert os.path.isabs(only(trace).store)


def test_processes_are_counted(run: Run) -> None:
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'pass'], check=True)"
    trace, _ = run(code)
    assert (trace.pythons, trace.joblibs, trace.functions) == (2, 1, ())


def test_isolated_python_is_not_traced(tmp_path: Path) -> None:
    with Tracing() as tracing:
        environ = tracing.environment(os.environ)
        subprocess.run([sys.executable, "-I", "-c", "import joblib"], env=environ, check=True)
        assert tracing.read() == Trace((), 0, 0)


def test_trace_that_has_ended_is_not_written_to(tmp_path: Path) -> None:
    with Tracing() as tracing:
        environ = tracing.environment(os.environ)
    folder = Path(environ["ACACHE_TRACE"]).parent
    code = "import sys, joblib; f = joblib.Memory(sys.argv[1], verbose=0).cache(len); f('a')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environ, check=True, capture_output=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert not folder.exists()


def test_joblib_that_was_imported_before_is_traced(tmp_path: Path) -> None:
    code = """
import joblib, sys
try:
    import sitecustomize
except ImportError:
    pass
f = joblib.Memory(sys.argv[1], verbose=0).cache(len)
f("a"); f("a")
"""
    packages = str(Path(joblib.__file__).parents[1])
    with Tracing() as tracing:
        environ = tracing.environment({**os.environ, "PYTHONPATH": packages})
        subprocess.run([sys.executable, "-S", "-c", code, tmp_path], env=environ, check=True)
        assert total(tracing.read()) == (1, 1)


SURROUNDINGS = """
import sys, os
print(sys.path, sys.argv, sys.flags, __name__, __file__)
print([m for m in sys.modules if m in ("sitecustomize", "usercustomize", "recorder")])
print(getattr(sys.modules.get("sitecustomize"), "__file__", None))
print(sorted(set(os.environ) - {"ACACHE_TRACE", "PYTHONPATH"}))
import joblib, inspect, pickle, joblib.memory as m
print(sys.meta_path, m.__loader__, m.__spec__)
print([(n, inspect.signature(f), f.__qualname__, f.__module__, f.__doc__)
       for n, f in sorted(vars(m.MemorizedFunc).items()) if inspect.isfunction(f)])
f = m.Memory(sys.argv[1], verbose=0).cache(os.path.join)
print(joblib.hash(f), joblib.hash(f.call), pickle.loads(pickle.dumps(f)), f.__dict__.keys())
print(inspect.iscoroutinefunction(getattr(m, "AsyncMemorizedFunc", m.Memory).__call__))
"""


@pytest.mark.parametrize("path", ["", "own", "own:"])
def test_script_finds_everything_as_it_is_without(tmp_path: Path, path: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    if path == "own:":
        (own / "sitecustomize.py").write_text("import sys; sys.stdout.write('custom\\n')\n")
    script = tmp_path / "script.py"
    script.write_text(SURROUNDINGS)
    plain = {**os.environ, "PYTHONPATH": str(own) if path else ""}
    command = [sys.executable, script, str(tmp_path / "store")]

    def printed(environ: dict[str, str]) -> str:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return _without_addresses(done.stdout)

    expected = printed(plain)
    with Tracing() as tracing:
        assert printed(tracing.environment(plain)) == expected
        assert (tracing.read().pythons, tracing.read().joblibs) == (1, 1)
    assert expected.startswith("custom\n") == (path == "own:")


def _without_addresses(text: str) -> str:
    import re

    return re.sub(r"0x[0-9a-f]+", "0x", text)


def test_broken_sitecustomize_fails_as_it_does_without(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import no_such_module\n")
    plain = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def told(environ: dict[str, str]) -> tuple[str, int]:
        command = [sys.executable, "-c", "print(1)"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.stderr, done.returncode

    expected = told(plain)
    assert "no_such_module" in expected[0]
    with Tracing() as tracing:
        assert told(tracing.environment(plain)) == expected


@pytest.mark.parametrize("broken", ["class MemorizedFunc: pass", "", "1 / 0"])
def test_joblib_of_another_kind_is_left_alone(tmp_path: Path, broken: str) -> None:
    (tmp_path / "joblib").mkdir()
    (tmp_path / "joblib" / "__init__.py").touch()
    (tmp_path / "joblib" / "memory.py").write_text(f"print('here')\n{broken}\n")
    code = """
for _ in range(2):
    try:
        import joblib.memory
    except ZeroDivisionError:
        print("as it is")
"""
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    plain = subprocess.run(command, env=environ, capture_output=True, check=True)
    with Tracing() as tracing:
        traced_environ = tracing.environment(environ)
        traced = subprocess.run(command, env=traced_environ, capture_output=True, check=True)
    assert (traced.stdout, traced.stderr) == (plain.stdout, b"")
