"""Imports point one way, and starting loads no more than it must."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

import acache

from .conftest import run_python

PACKAGE = Path(acache.__file__).parent
HEAVY = {"joblib", "numpy", "scipy", "librosa", "decorator"}

# From the top of the house to its ground; a room may import from those below it.
ROOMS = [
    ["__main__"],
    ["cli"],
    ["render.progress", "render.rounds"],
    [
        "render.human.reports",
        "render.human.entries",
        "render.human.plans",
        "render.human.runs",
        "render.human.benches",
        "render.human.findings",
        "render.human.checkup",
        "render.machine",
        "render.plot",
    ],
    ["render.human.page", "render.human"],
    ["render.plain", "render"],
    ["bench.report"],
    ["bench.advice", "bench.surroundings"],
    ["bench.runner", "bench"],
    ["bench.results"],
    ["bench.statistics", "bench.process", "bench.places"],
    ["completion.offers"],
    ["completion.bash", "completion.zsh", "completion.fish", "completion.quoting"],
    ["completion.grammar", "completion"],
    ["details", "execution", "environment", "savings"],
    ["foreground", "exports"],
    ["commands", "trace"],
    ["trace.session"],
    ["trace.calls"],
    ["trace.child"],
    ["doctor"],
    ["doctor.contents", "doctor.settings", "doctor.surroundings"],
    ["doctor.access"],
    ["doctor.check"],
    ["eviction", "verification"],
    ["entry_check", "sources"],
    ["plans", "report", "listing", "arguments"],
    ["parallel", "manager"],
    ["levels", "drift", "fork"],
    ["table"],
    ["totals"],
    ["query"],
    ["store", "installed"],
    ["walk", "removal"],
    ["safety"],
    ["safety.judge"],
    ["safety.calls", "safety.states"],
    ["safety.arguments"],
    ["safety.names"],
    ["names", "processes"],
    ["pickles"],
    ["pickles.description"],
    ["pickles.reader"],
    ["pickles.containers", "pickles.arrays"],
    ["pickles.literals", "pickles.costs", "pickles.memo", "pickles.outline"],
    ["pickles.dtypes"],
    ["pickles.nodes", "pickles.compression", "pickles.likeness"],
    ["layout"],
    ["folders", "records"],
    ["private"],
    ["config", "interruption"],
    ["units"],
    ["errors"],
    [""],
]
# What only one room may import.
OWNERS = {
    "rich": {"render.human"},
    "humanize": {"render.human"},
    "joblib": {"manager", "environment"},
    "decorator": {"manager"},
    "matplotlib": {"render.plot"},
    "click": {"cli"},
}


def modules() -> list[tuple[str, ast.Module]]:
    found = []
    for file in PACKAGE.rglob("*.py"):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        name = name.removesuffix("__init__").rstrip(".")
        found.append((name, ast.parse(file.read_text(encoding="utf-8"))))
    return found


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module in ("acache", "acache.render", "acache.cli"):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def floor(module: str) -> int:
    found = [
        (len(room), index)
        for index, rooms in enumerate(ROOMS)
        for room in rooms
        if module == room or (room and module.startswith(f"{room}."))
    ]
    assert found, f"{module} has no room"
    return max(found)[1]  # that of the longest name


def test_imports_point_one_way() -> None:
    known = {name for name, _ in modules()}
    for name, tree in modules():
        if name == "":
            continue  # the public names, imported lazily
        for target in imported(tree):
            room = target.removeprefix("acache").lstrip(".")
            if target.startswith("acache") and room in known and room != name:
                same = floor(room) == floor(name) == floor("cli")
                assert floor(room) > floor(name) or same, f"{name} imports {target}"


def test_every_package_is_imported_in_its_room_alone() -> None:
    for name, tree in modules():
        for package in {target.partition(".")[0] for target in imported(tree)} & OWNERS.keys():
            rooms = OWNERS[package]
            assert any(name == r or name.startswith(f"{r}.") for r in rooms), f"{name}: {package}"


def test_only_config_reads_the_environment() -> None:
    for name, tree in modules():
        reads = any(isinstance(n, ast.Attribute) and n.attr == "environ" for n in ast.walk(tree))
        assert not reads or name in ("config", "environment", "trace.child.sitecustomize"), name


@pytest.mark.parametrize("name", ["sitecustomize", "recorder"])
def test_what_a_traced_python_loads_needs_the_standard_library_alone(name: str) -> None:
    tree = dict(modules())[f"trace.child.{name}"]
    packages = {target.partition(".")[0] for target in imported(tree)}
    assert packages <= sys.stdlib_module_names


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


def test_a_cache_that_is_off_loads_no_joblib() -> None:
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
def test_the_command_line_loads_no_more_than_click(
    arguments: list[str], librosa_location: Path
) -> None:
    click = loaded_by("import click")
    run = "from acache.cli import main; main()"
    options = [] if "--help" in arguments else ["--cache-dir", str(librosa_location)]
    loaded = loaded_by(run, *arguments, *options)
    assert {m for m in loaded - click if m not in sys.stdlib_module_names} == {"acache"}


def test_a_report_loads_only_what_makes_it(librosa_location: Path) -> None:
    names = "print(*(m for m in sys.modules if m.startswith('acache.')))"
    code = (
        f"import atexit, sys; atexit.register(lambda: {names}); from acache.cli import main; main()"
    )
    arguments = ["stats", "--json", "--cache-dir", str(librosa_location)]
    rooms = {m.split(".")[1] for m in run_python(code, *arguments).splitlines()[-1].split()}
    assert rooms & {"report", "render"}
    assert not rooms & {"bench", "trace", "pickles", "doctor", "verification", "completion"}


@pytest.mark.parametrize("kind", ["functions", "entries"])
def test_what_a_shell_asks_for_does_not_even_load_click(kind: str, librosa_location: Path) -> None:
    run = "from acache.__main__ import main; main()"
    asked = ["completion", "--offer", "bash", kind, "st", "--cache-dir", str(librosa_location)]
    loaded = loaded_by(run, *asked) - loaded_by("pass")
    assert {m for m in loaded if m not in sys.stdlib_module_names} == {"acache"}


def test_a_table_loads_neither_joblib_nor_numpy(librosa_location: Path) -> None:
    run = "from acache.cli import main; main()"
    loaded = loaded_by(run, "stats", "--cache-dir", str(librosa_location))
    assert not loaded & HEAVY
    assert "rich" in loaded
