"""Stale results: what is said of a source is what joblib does at the function's next call."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from types import ModuleType

import joblib
import pytest

from acache.sources.installed import InstalledSources
from acache.sources.staleness import Drift, State
from acache.store.store import Store
from tests.helpers.processes import run_python
from tests.helpers.stores import LIBROSA_SCRIPT, write_entry

HEAD = """\
import functools
calls = []

def loud(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

def plain(function=None, **options):
    return function if function else plain

"""
TAIL = "\n\nlast = 1\n"
F = "def f(x):\n    calls.append(x)\n    return x\n"
G = "def f(x):\n    calls.append(x)\n    return -x\n"
METHOD = "    @staticmethod\n    def f(x):\n        calls.append(x)\n        return x\n"
OTHER = METHOD.replace("return x", "return -x")
OVERLOADED = "import typing\n@typing.overload\ndef f(x: int) -> int: ...\n"


def write(folder: Path, text: str) -> None:
    (folder / "drifting.py").write_bytes(text.encode())


def load() -> ModuleType:
    for name in ("drifting", "elsewhere"):  # joblib knows a function that it met before
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module("drifting")


def states(location: Path) -> dict[str, State]:
    store = Store(location)
    drift = Drift(store, InstalledSources())
    return {function: drift(function) for function in store.functions()}


def state(location: Path) -> State:
    [found] = states(location).values()
    return found


def computes(location: Path, target: str) -> bool:
    """Load the module as it is now, call the cached function, and tell whether it was computed."""
    module = load()
    function = module
    for name in target.split("."):
        function = getattr(function, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib's, on collisions and lambdas
        joblib.Memory(str(location), verbose=0).cache(function)(1)
    return bool(module.calls)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it goes by seconds
    yield folder
    sys.modules.pop("drifting", None)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(F, F, "current", id="the-same"),
        pytest.param(F, f"# moved\n\n{F}# and a comment\n", "current", id="moved"),
        pytest.param(F, F.replace("\n", "\r\n"), "current", id="line-ends"),
        pytest.param(F, f"\f\n{F}\f\ndef g(): ...\n", "current", id="form-feed"),
        pytest.param(F, f"{F}def ff(x): ...\ndef g(f): ...\n", "current", id="others-added"),
        pytest.param(F, f'"""Write\ndef f(x):\n    ...\n"""\n{F}', "current", id="docstring"),
        pytest.param(F, G, "changed", id="body"),
        pytest.param(F, F.replace("    ", "\t"), "changed", id="indentation"),
        pytest.param(F, f"{F}    # more\n", "changed", id="comment-behind"),
        pytest.param(F, f"{F}# here\n    # more\n", "changed", id="comments-behind"),
        pytest.param(F, f"{F}\n\n    x = 2\n", "changed", id="code-behind"),
        pytest.param(F, f"@plain\n{F}", "changed", id="decorator"),
        pytest.param(F, f"@plain(\n  a=1,\n)\n\n# why\n{F}", "changed", id="long-decorator"),
        pytest.param(f"@plain\n{F}", F, "changed", id="no-decorator"),
        pytest.param(f"@plain\n{F}", f"@plain\n@plain\n{F}", "changed", id="one-decorator-more"),
        pytest.param(f"@plain\n{F}", f"@plain\n{F}", "current", id="decorated"),
        pytest.param(F, f"{F}{G}", "unknown", id="replaced-below"),
        pytest.param(F, f"{F}{G.replace('f(', 'f (')}", "unknown", id="replaced-otherwise"),
        pytest.param(F, f"{F}class f:\n    def __new__(cls, x): calls.append(x)\n", "unknown",
                     id="replaced-by-a-class"),
        pytest.param(F, f"@plain(a=1, b=\n\"\"\"\n\"\"\")\n{F}", "changed", id="decorator-text"),
        pytest.param(F, f"{G}text = \"\"\"\n{F}\"\"\"\n", "unknown", id="old-text-in-a-string"),
        pytest.param(F, f"{G}{F}", "current", id="replaced-above"),
        pytest.param(f"{OVERLOADED}{F}", f"{OVERLOADED}{F}", "current", id="overloads"),
        pytest.param(f"{OVERLOADED}{F}", f"{OVERLOADED}{G}", "changed", id="changed-overloaded"),
        pytest.param(
            f"if calls:\n    pass\nelse:\n    {F.replace(chr(10), chr(10) + '    ')}",
            f"x = 1\nif calls:\n    def f(): 0\nelse:\n    {F.replace(chr(10), chr(10) + '    ')}",
            "current",
            id="conditional",
        ),
    ],
)  # fmt: skip
def test_source_of_a_function(
    package: Path, tmp_path: Path, before: str, after: str, told: State
) -> None:
    write(package, HEAD + before + TAIL)
    assert computes(tmp_path, "f")
    assert states(tmp_path) == {"drifting/f": "current"}
    assert not computes(tmp_path, "f")
    write(package, HEAD + after + TAIL)
    assert states(tmp_path) == {"drifting/f": told}
    if "class f" in after:
        return  # joblib refuses to cache it
    assert computes(tmp_path, "f") == (told != "current")
    assert states(tmp_path) == {"drifting/f": "current"}


INNER = F.replace("\n", "\n    ", 2)
MADE = "def make():\n    def f(x):\n        return x\n    f.__qualname__ = 'f'\n    return f\n"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "def d(g):\n    @functools.wraps(g)\n    def f(*a):\n        return g(*a)\n"
            f"    return f\n@d\n{F}",
            id="a-wrapper-of-the-same-name",
        ),
        pytest.param(f"{MADE}{F}f = make()\n", id="assigned"),
        pytest.param(
            f"{F}match 1:\n    case 1:\n        def f(x):\n            return x\n", id="match"
        ),
        pytest.param(f"{F}from elsewhere import f\n", id="imported"),
        pytest.param(f"{F}_f = f\n{G}f = _f\n", id="replaced-and-kept"),
        pytest.param(f"kept = []\n@kept.append\n{F}@plain\n{G}f = kept[0]\n", id="registered"),
        pytest.param(f"def make():\n    global f\n    {INNER}make()\n{G}make()\n", id="global"),
        pytest.param("from elsewhere import f as g\nglobals().update(f=g)\n", id="by-globals"),
        pytest.param("from elsewhere import f as g\nlocals()['f'] = g\n", id="by-locals"),
        pytest.param(
            "import sys\nfrom elsewhere import f as g\n"
            "sys.modules[__name__].__dict__.update(f=g)\n",
            id="by-its-dict",
        ),
        pytest.param(f"{G}exec('from elsewhere import f')\n", id="replaced-by-exec"),
        pytest.param(
            f"{G}from elsewhere import f as g\nglobals()['f'] = g\n", id="replaced-by-globals"
        ),
        pytest.param(f"{F}kept = globals()['f']\n{G}f = kept\n", id="kept-by-globals"),
        pytest.param(
            f"class C:\n{METHOD}kept = C\nclass C:\n{OTHER}f = kept.f\nf.__qualname__ = 'f'\n",
            id="a-class-is-kept",
        ),
        pytest.param(
            f"from elsewhere import f as g\ndef make():\n    globals()['f'] = g\n{G}make()\n",
            id="by-globals-in-a-function",
        ),
        pytest.param(
            f"class C:\n{OTHER}from elsewhere import f as g\nC.f = g\nf = C.f\n"
            "f.__qualname__ = 'f'\n",
            id="an-attribute-of-a-class",
        ),
        pytest.param(
            "import sys\nfrom elsewhere import f as g\nsetattr(sys.modules[__name__], 'f', g)\n",
            id="by-setattr",
        ),
    ],
)
def test_source_that_joblib_would_still_use_is_never_stale(
    package: Path, tmp_path: Path, source: str
) -> None:
    (package / "elsewhere.py").write_text("def f(x):\n    return x\nf.__module__ = 'drifting'\n")
    write(package, HEAD + source)
    computes(tmp_path, "f")
    assert not Drift(Store(tmp_path), InstalledSources()).is_stale("drifting/f")
    hits = (
        "import drifting, joblib, sys; f = joblib.Memory(sys.argv[1], verbose=0).cache(drifting.f)"
    )
    told = run_python(
        f"{hits}; print(f.check_call_in_cache(1))", tmp_path, env={"PYTHONPATH": str(package)}
    )
    assert told.strip() == "True"


def test_source_at_the_end_of_a_file_has_its_end(package: Path, tmp_path: Path) -> None:
    write(package, HEAD + F.rstrip())
    assert computes(tmp_path, "f")
    assert state(tmp_path) == "current"
    write(package, HEAD + F + TAIL)
    assert state(tmp_path) == "changed"
    assert computes(tmp_path, "f")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(METHOD, f"    n = 1\n{METHOD}", "current", id="moved"),
        pytest.param(METHOD, f"{OTHER}class D:\n{METHOD}", "unknown", id="its-twin-may-be-it"),
        pytest.param(METHOD, OTHER, "changed", id="changed"),
        pytest.param(METHOD, f"{OTHER}{METHOD}", "current", id="the-last-one-holds"),
        pytest.param(METHOD, f"{METHOD}    def g(self): self.f = 1\n", "current", id="set-inside"),
    ],
)
def test_source_of_a_method(
    package: Path, tmp_path: Path, before: str, after: str, told: State
) -> None:
    write(package, f"{HEAD}class C:\n{before}{TAIL}")
    assert computes(tmp_path, "C.f")
    write(package, f"{HEAD}class C:\n{after}{TAIL}")
    assert states(tmp_path) == {"drifting/C/f": told}
    assert computes(tmp_path, "C.f") == (told != "current")


@pytest.mark.parametrize(
    ("before", "target"),
    [
        pytest.param(f"@loud\n{F}", "f", id="a-wrapper"),
        pytest.param("f = lambda x: calls.append(x)\n", "f", id="a-lambda"),
        pytest.param(f"exec({F!r})\n", "f", id="no-source"),
        pytest.param(f"def g():\n    {F.replace(chr(10), chr(10) + '    ')}return f\nf = g()\n",
                     "f", id="a-closure"),
    ],
)  # fmt: skip
def test_source_that_is_not_the_functions_own_is_unknown(
    package: Path, tmp_path: Path, before: str, target: str
) -> None:
    write(package, HEAD + before)
    computes(tmp_path, target)
    assert state(tmp_path) == "unknown"
    write(package, HEAD)
    assert state(tmp_path) == "unknown"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        pytest.param("", "gone", id="nothing-left"),
        pytest.param(F.replace("f(", "renamed("), "gone", id="renamed"),
        pytest.param("from os import path as f\n", "unknown", id="imported"),
        pytest.param("f = functools.partial(print)\n", "unknown", id="assigned"),
        pytest.param("from os import *\n", "unknown", id="imported-with-others"),
        pytest.param("def __getattr__(name): ...\n", "unknown", id="made-when-asked-for"),
        pytest.param(f"class C:\n{METHOD}", "unknown", id="elsewhere"),
        pytest.param("def broken(:\n", "unknown", id="broken"),
    ],
)
def test_source_is_gone_only_where_it_cannot_be_there(
    package: Path, tmp_path: Path, after: str, told: State
) -> None:
    write(package, HEAD + F)
    assert computes(tmp_path, "f")
    write(package, HEAD + after)
    assert state(tmp_path) == told


def test_source_with_the_same_text_in_a_class_is_unknown(package: Path, tmp_path: Path) -> None:
    indented = F.replace("def", "    def").replace("\n    ", "\n        ")
    write(package, f"{HEAD}if True:\n{indented}")
    assert computes(tmp_path, "f")
    assert state(tmp_path) == "current"
    write(package, f"{HEAD}class C:\n{indented}")
    assert state(tmp_path) == "unknown"


@pytest.mark.parametrize(
    "around",
    [
        pytest.param("{}f = functools.lru_cache(f)\n", id="wrapped"),
        pytest.param("{}def g():\n    f = 1\n    return f\n", id="in-another-function"),
        pytest.param(
            "class C:\n    def __init__(self):\n        self.f = self.f\n{}", id="as-an-attribute"
        ),
    ],
)
def test_source_is_changed_whatever_other_scopes_bind(
    package: Path, tmp_path: Path, around: str
) -> None:
    write(package, HEAD + around.format(F))
    assert computes(tmp_path, "f" if "lru" not in around else "f.__wrapped__")
    assert state(tmp_path) == "current"
    write(package, HEAD + around.format(G))
    assert state(tmp_path) == "changed"
    assert computes(tmp_path, "f" if "lru" not in around else "f.__wrapped__")


PROPERTY = """\
class C:
    @property
    @plain
    def f(self):
        return {}
    @f.setter
    def f(self, value): ...
"""


def test_source_of_a_getter_is_unknown(package: Path, tmp_path: Path) -> None:
    def call() -> bool:
        getter = load().C.__dict__["f"].fget
        found = joblib.Memory(str(tmp_path), verbose=0).cache(getter)
        known = bool(found.check_call_in_cache(1))
        found(1)
        return known

    write(package, HEAD + PROPERTY.format(1))
    assert not call()
    assert call()
    assert state(tmp_path) == "unknown"
    write(package, HEAD + PROPERTY.format(2))
    assert state(tmp_path) == "unknown"
    assert not call()


OURS = "def spectrum(x):\n    return x\n"


@pytest.mark.parametrize("name", ["profile", "utils", "code"])
def test_source_is_unknown_if_a_module_beside_the_script_hides_it(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / f"{name}.py").write_text(OURS)
    if name == "utils":
        (package / "utils.py").write_text(f"x = 1\n{OURS.replace('return x', 'return 1')}")
    script = scripts / "run.py"
    script.write_text(
        f"import sys, joblib, {name}\nassert {name}.spectrum, {name}.__file__\n"
        f"f = joblib.Memory(sys.argv[1], verbose=0).cache({name}.spectrum)\n"
        "print(f.check_call_in_cache(1)); f(1)\n"
    )
    location = tmp_path / "cache"

    def hits() -> bool:
        return "True" in subprocess.check_output(
            [sys.executable, script, location], text=True, cwd="/"
        )

    assert not hits()
    assert hits()
    monkeypatch.chdir(scripts)
    assert state(location) == "unknown"


def test_source_is_unknown_behind_an_archive(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(package, G)
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("drifting.py", f"calls = []\n{F}")
    monkeypatch.syspath_prepend(str(archive))
    location = tmp_path / "cache"
    assert computes(location, "f")
    assert not computes(location, "f")
    assert state(location) == "unknown"


def test_source_of_a_function_that_says_it_is_of_its_package(package: Path, tmp_path: Path) -> None:
    folder = package / "drifting"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "inner.py").write_text(f"calls = []\n{F}f.__module__ = 'drifting'\n")
    cached = "import sys, joblib, drifting.inner as m;m.f = joblib.Memory(sys.argv[1]).cache(m.f)"
    run_python(f"{cached}; m.f(1)", tmp_path, env={"PYTHONPATH": str(package)})
    assert states(tmp_path) == {"drifting/f": "unknown"}
    (folder / "inner.py").write_text("")
    assert states(tmp_path) == {"drifting/f": "gone"}


def test_source_in_a_package_over_several_folders_is_unknown(package: Path, tmp_path: Path) -> None:
    spread = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    for number, text in enumerate((f"{spread}from . import module\n", spread)):
        (package / str(number) / "drifting").mkdir(parents=True)
        (package / str(number) / "drifting" / "__init__.py").write_text(text)
    (package / "1" / "drifting" / "module.py").write_text(F.replace("calls.append(x)", "x"))
    path = os.pathsep.join(str(package / one) for one in "01")
    cached = "import sys, joblib, drifting.module as m; joblib.Memory(sys.argv[1]).cache(m.f)(1)"
    location = tmp_path / "cache"
    run_python(cached, location, env={"PYTHONPATH": path})
    told = run_python(
        "import sys; from acache import *; s = Store(sys.argv[1]);"
        "print(Drift(s, InstalledSources())('drifting/module/f'))",
        location,
        env={"PYTHONPATH": path},
    )
    assert told.strip() == "unknown"


def test_source_of_a_method_or_module_that_is_gone_is_unknown(
    package: Path, tmp_path: Path
) -> None:
    write(package, f"{HEAD}class C:\n{METHOD}")
    assert computes(tmp_path, "C.f")
    for rest, told in (
        ("class C:\n    pass\n", "unknown"),
        ("class C(object):\n    pass\n", "unknown"),
        ("class C(dict):\n    pass\n", "unknown"),
        ("class C(metaclass=type):\n    pass\n", "unknown"),
        ("@loud\nclass C:\n    pass\n", "unknown"),
        ("class D:\n    pass\n", "unknown"),
        (f"class D:\n{METHOD}class C:\n    pass\n", "unknown"),
    ):
        write(package, HEAD + rest)
        assert state(tmp_path) == told, rest
    (package / "drifting.py").unlink()
    assert state(tmp_path) == "unknown"
    (package / "drifting").mkdir()
    (package / "drifting" / "__init__.py").touch()
    location = tmp_path / "of-a-module"
    entry = write_entry(location / "joblib" / "drifting" / "module" / "f", "0" * 32)
    (entry.parent / "func_code.py").write_text(f"# first line: 1\n{F}")
    assert state(location) == "unknown"


def test_source_that_cannot_be_read_is_unknown(package: Path, tmp_path: Path) -> None:
    write(package, HEAD + F)
    assert computes(tmp_path, "f")
    source = tmp_path / "joblib" / "drifting" / "f" / "func_code.py"
    source.rename(source.with_name("kept"))
    assert Drift(Store(tmp_path), InstalledSources())("drifting/f") == "unknown"
    source.mkdir()
    assert Drift(Store(tmp_path), InstalledSources())("drifting/f") == "unknown"
    source.rmdir()
    source.with_name("kept").rename(source)
    assert InstalledSources(str(tmp_path / "no-python")).search_path == []
    python = tmp_path / "python"
    python.write_text("no program\n")
    silent = InstalledSources(str(python))
    drift = Drift(Store(tmp_path), silent)
    assert drift("drifting/f") == "unknown"
    assert not drift.is_stale("drifting/f")
    assert silent.warnings


def test_source_of_a_script_is_unknown(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys, joblib\ncalls = []\n{F}joblib.Memory(sys.argv[1], verbose=0).cache(f)(1)\n"
    )
    run_python("import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')",
               script, tmp_path)  # fmt: skip
    assert state(tmp_path) == "unknown"


def test_sources_of_librosa_are_current_until_edited(
    librosa_location: Path, tmp_path: Path
) -> None:
    assert len(states(librosa_location)) > 15
    assert set(states(librosa_location).values()) == {"current"}
    location = tmp_path / "copy"
    shutil.copytree(librosa_location, location)
    edited = location / "joblib" / "librosa" / "util" / "utils" / "normalize"
    source = edited / "func_code.py"
    source.write_text(source.read_text().replace("import", "import  ", 1) + "    # edited\n")
    told = states(location)
    assert told.pop("librosa/util/utils/normalize") == "changed"
    assert set(told.values()) == {"current"}
    before = {f: f.stat().st_mtime_ns for f in location.rglob("output.pkl")}
    script = tmp_path / "again.py"
    script.write_text(LIBROSA_SCRIPT)
    run_python(
        "import runpy, sys; runpy.run_path(sys.argv[1])",
        script,
        env={"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_LEVEL": "50"},
    )
    after = {f: f.stat().st_mtime_ns for f in location.rglob("output.pkl")}
    assert {f.parent.parent for f in before if after.get(f) != before[f]} == {edited}
    assert set(states(location).values()) == {"current"}


WRAPPING = """\
import functools

def deco(function):
    @functools.wraps(function)
    def run(*arguments):
        return function(*arguments)
    return run
"""
WRAPPED = (
    "from {} import deco\nclass Model:\n    @staticmethod\n    @deco\n"
    "    def run(x):\n        return x\n"
)
MADE_IN_A_CLASS = """\
def deco(made):
    def run(x):
        return x
    run.__module__, run.__qualname__ = made.__module__, made.__qualname__ + ".run"
    made.run = staticmethod(run)
    return made
"""
DECORATED = "from {} import deco\n@deco\nclass Model:\n    pass\n"


@pytest.mark.parametrize(
    ("decorator", "module"),
    [(WRAPPING, WRAPPED), (MADE_IN_A_CLASS, DECORATED)],
    ids=["a-wrapper", "a-class-decorator"],
)
def test_source_of_what_a_decorator_makes_is_never_stale(
    package: Path, tmp_path: Path, decorator: str, module: str
) -> None:
    (package / "drifting_decorators.py").write_text(decorator)
    write(package, module.format("drifting_decorators"))
    cached = (
        "import sys, drifting, joblib; f = joblib.Memory(sys.argv[1], verbose=0)"
        ".cache(drifting.Model.run); print(f.check_call_in_cache(1)); f(1)"
    )
    told = [
        run_python(cached, tmp_path, env={"PYTHONPATH": str(package)}).strip() for _ in range(2)
    ]
    assert told == ["False", "True"]
    assert state(tmp_path) == "unknown"


def test_source_that_moved_within_its_package_is_unknown(package: Path, tmp_path: Path) -> None:
    folder = package / "drifting"
    (folder / "below").mkdir(parents=True)
    for name in ("__init__.py", "below/__init__.py"):
        (folder / name).touch()
    (folder / "module.py").write_text(G)
    (folder / "below" / "other.py").write_text(F)
    entry = write_entry(tmp_path / "joblib" / "drifting" / "module" / "f", "0" * 32)
    (entry.parent / "func_code.py").write_text(f"# first line: 1\n{F}")
    assert state(tmp_path) == "unknown"
    (folder / "below" / "other.py").write_text(f"{F}    # another block\n")
    assert state(tmp_path) == "unknown"
    (folder / "below" / "other.py").write_text(G)
    assert state(tmp_path) == "changed"
    (folder / "__init__.py").write_text("__path__.insert(0, '/elsewhere')\n")
    assert state(tmp_path) == "unknown"


def test_source_of_a_wrapper_with_the_same_name_is_never_stale(
    package: Path, tmp_path: Path
) -> None:
    write(package, HEAD + F)
    (package / "project.py").write_text(
        "import functools, drifting\n@functools.wraps(drifting.f)\n"
        "def f(*arguments):\n    return drifting.f(*arguments)\n"
    )
    cached = (
        "import sys, project, joblib; f = joblib.Memory(sys.argv[1], verbose=0)"
        ".cache(project.f); print(f.check_call_in_cache(1)); f(1)"
    )
    hits = [run_python(cached, tmp_path, env={"PYTHONPATH": str(package)}) for _ in range(2)]
    assert hits == ["False\n", "True\n"]
    assert states(tmp_path) == {"drifting/f": "unknown"}
