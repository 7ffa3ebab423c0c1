"""Imports point one way, and starting loads no more than it must."""

from __future__ import annotations

import ast
import json
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import acache
from tests.helpers.processes import run_python

PACKAGE = Path(acache.__file__).parent
HEAVY = {"joblib", "numpy", "scipy", "librosa", "decorator"}

# From the roof to the ground: a room imports from the rooms below it, never from those above or
# beside it. tests/test_docs.py has the same list as a sentence in docs/architecture.md.
ROOMS = [
    ["__main__"],
    ["cli"],
    ["tui"],
    ["render"],
    ["memory"],
    ["operations"],
    ["sources", "pickles"],
    ["store"],
    ["config"],
    ["system"],
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
# What only one room may import.
OWNERS = {
    "rich": ("render.tables",),
    "humanize": ("render.tables",),
    "joblib": ("memory", "operations.run.child"),
    "decorator": ("memory",),
    "xxhash": ("memory",),
    "textual": ("tui",),
    "matplotlib": ("render.plot",),
    "click": ("cli",),
    "dask": ("system.cluster",),
    "distributed": ("system.cluster",),
    "obstore": ("store.objects",),
    "boto3": ("store.objects",),
}
READS_THE_ENVIRONMENT = ("config", "memory.environment", "operations.run.child.sitecustomize")


def modules() -> dict[str, ast.Module]:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix("__init__").rstrip(".")] = ast.parse(file.read_text("utf-8"))
    return found


def imported(tree: ast.Module) -> set[str]:
    """List what a module imports, wherever in it; submodules, not the names in them."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def edges() -> dict[str, set[str]]:
    """Return, for each module of acache, the modules of acache that it imports."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, tree in known.items():
        targets = {t.removeprefix("acache.") for t in imported(tree) if t.startswith("acache.")}
        targets &= known.keys()
        # Of `from acache.store import scan` the package itself is no target, but its module is.
        within = {t.rpartition(".")[0] for t in targets}
        found[name] = {t for t in targets if t not in within or not is_package(t)} - {name}
    return found


def is_package(name: str) -> bool:
    return (PACKAGE / name.replace(".", "/")).is_dir()


def room(module: str) -> str:
    return module.partition(".")[0]


def test_modules_are_all_in_a_room() -> None:
    assert {room(name) for name in modules()} - {""} <= FLOOR.keys()
    assert {p.name for p in PACKAGE.iterdir() if p.is_file()} == {
        "__init__.py",
        "__main__.py",
        "py.typed",
    }


def test_imports_point_down() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, targets in edges().items()
        for target in targets
        if name and room(name) != room(target) and FLOOR[room(target)] <= FLOOR[room(name)]
    ]
    assert wrong == []


def test_imports_form_no_circle() -> None:
    graph = edges()
    graph.pop("")  # the public names are imported when they are asked for
    circles = list(TopologicalSorter(graph).static_order())  # raises CycleError, with the circle
    assert set(graph) <= set(circles)


def test_packages_are_imported_in_their_rooms_alone() -> None:
    for name, tree in modules().items():
        for package in {target.partition(".")[0] for target in imported(tree)} & OWNERS.keys():
            rooms = OWNERS[package]
            assert any(name == r or name.startswith(f"{r}.") for r in rooms), f"{name}: {package}"


def test_environment_is_read_by_config_alone() -> None:
    for name, tree in modules().items():
        reads = any(isinstance(n, ast.Attribute) and n.attr == "environ" for n in ast.walk(tree))
        allowed = any(name == r or name.startswith(f"{r}.") for r in READS_THE_ENVIRONMENT)
        assert not reads or allowed, name


@pytest.mark.parametrize(
    "name",
    ["operations.run.child.sitecustomize", "operations.run.child.recorder", "store.call_writer"],
)
def test_traced_python_needs_the_standard_library_alone(name: str) -> None:
    tree = modules()[name]
    packages = {target.partition(".")[0] for target in imported(tree)}
    assert packages - {"joblib"} <= sys.stdlib_module_names  # joblib is there: it is what is traced


def loaded_by(code: str, *arguments: str) -> set[str]:
    report = "import sys, json; sys.stderr.write('')\n"
    ending = (
        "\nfinally:\n"
        "    print('\\n' + json.dumps([m.partition('.')[0] for m in sys.modules]), flush=True)"
    )
    output = run_python(f"{report}try:\n    {code}{ending}", *arguments)
    return set(json.loads(output.splitlines()[-1]))


def test_importing_acache_loads_nothing() -> None:
    bare = loaded_by("pass")
    assert loaded_by("import acache") - bare == {"acache", "__future__"}


def test_public_names_have_one_home() -> None:
    """What type checkers see is what `acache.__getattr__` imports."""
    [block] = [node for node in modules()[""].body if isinstance(node, ast.If)]
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen == {name: f"acache.{home}" for name, home in acache._HOMES.items()}
    assert all(hasattr(acache, name) for name in seen)


def test_cache_that_is_off_loads_no_joblib() -> None:
    code = "from acache import cache; cache(level=10)(print)"
    assert not loaded_by(code) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["stats", "--help"],
        ["stats", "--json"],
        ["stats", "--json", "--no-cost", "--by", "module"],
        ["config", "--json"],
    ],
)
def test_command_line_loads_no_more_than_click(
    arguments: list[str], librosa_location: Path
) -> None:
    click = loaded_by("import click")
    run = "from acache.cli.app import main; main()"
    options = [] if "--help" in arguments else ["--cache-dir", str(librosa_location)]
    loaded = loaded_by(run, *arguments, *options)
    assert {m for m in loaded - click if m not in sys.stdlib_module_names} == {"acache"}


def test_report_loads_only_what_makes_it(librosa_location: Path) -> None:
    names = "print(*(m for m in sys.modules if m.startswith('acache.')))"
    run = "from acache.cli.app import main; main()"
    code = f"import atexit, sys; atexit.register(lambda: {names}); {run}"
    arguments = ["stats", "--json", "--cache-dir", str(librosa_location)]
    loaded = run_python(code, *arguments).splitlines()[-1].split()
    assert "acache.operations.stats" in loaded
    rest = ("operations.bench", "operations.run", "operations.doctor", "operations.verify",
            "pickles", "memory", "cli.completion")  # fmt: skip
    assert [m for m in loaded if m.removeprefix("acache.").startswith(rest)] == []


@pytest.mark.parametrize("kind", ["functions", "entries"])
def test_completion_does_not_even_load_click(kind: str, librosa_location: Path) -> None:
    run = "from acache.__main__ import main; main()"
    asked = ["completion", "--offer", "bash", kind, "st", "--cache-dir", str(librosa_location)]
    loaded = loaded_by(run, *asked) - loaded_by("pass")
    assert {m for m in loaded if m not in sys.stdlib_module_names} == {"acache"}


def test_table_loads_neither_joblib_nor_numpy(librosa_location: Path) -> None:
    run = "from acache.cli.app import main; main()"
    loaded = loaded_by(run, "stats", "--cache-dir", str(librosa_location))
    assert not loaded & HEAVY
    assert "rich" in loaded
