"""The interface is the way to a store, and all that the rooms above need of one."""

from __future__ import annotations

import ast
import inspect
import pickle
from pathlib import Path

import pytest

import acache
from acache.store.local import LocalStore
from acache.store.store import Store
from tests.helpers.stores import write_entry

PACKAGE = Path(acache.__file__).parent


def test_store_of_a_location_is_a_local_one(tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "m" / "f", "0" * 32)
    store = Store(tmp_path)
    assert type(store) is LocalStore
    assert isinstance(store, acache.Store)
    copy = pickle.loads(pickle.dumps(store))
    assert (copy.path, list(copy.functions())) == (store.path, ["m/f"])


def test_local_store_does_all_that_the_interface_says() -> None:
    methods = {
        name
        for name, method in vars(Store).items()
        if inspect.isfunction(method) and "raise NotImplementedError" in inspect.getsource(method)
    }
    assert len(methods) > 10
    assert methods <= vars(LocalStore).keys()


@pytest.mark.parametrize("room", ["cli", "render", "memory", "operations", "sources", "pickles"])
def test_rooms_above_open_no_folder_and_join_no_path_below_a_store(room: str) -> None:
    internals = {"dirfd", "local", "scan", "functions", "parallel", "remove"}
    for file in sorted((PACKAGE / room).rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                parents, _, name = node.module.rpartition(".")
                within = parents in ("acache.store", "acache.system") and name in internals
                allowed = {alias.name for alias in node.names} <= {"HAS_BLOCKS"}
                assert not within or allowed, f"{file}: {node.module}"
            elif isinstance(node, (ast.JoinedStr, ast.BinOp)):
                text = ast.unparse(node)
                assert "store.path}/" not in text, f"{file}: {text}"
