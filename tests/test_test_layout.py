"""Tests stand for themselves: none imports another, and each begins with its subject."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
MODULES = {
    file.relative_to(TESTS).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(TESTS.rglob("*.py"))
    if "recorded_package" not in file.parts
}
# What names no subject.
NO_SUBJECT = re.compile(
    r"test_(a|an|the|any|each|every|all|some|no|nothing|nobody|it|there|what|who|where|when|if"
    r"|with|without|of|in|on|at|by|only|another)_"
)


def test_modules_import_no_other_test() -> None:
    imported = {
        (name, node.module)
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests")
    }
    assert len(imported) > 50
    assert {one for one in imported if not one[1].startswith("tests.helpers.")} == set()


def test_names_begin_with_their_subject() -> None:
    names = [
        (name, node.name)
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_")
    ]
    assert len(names) > 500
    assert [one for one in names if NO_SUBJECT.match(one[1])] == []
