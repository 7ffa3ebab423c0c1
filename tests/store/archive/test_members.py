"""Members' names: what was written is what is read, and no name leads out of the store."""

from __future__ import annotations

import os
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.store.archive.members import (
    entry_name,
    level_name,
    parse,
    parts_of,
    root_of,
    source_name,
)
from acache.store.format import is_hash
from acache.store.layout import SPLIT, function_path
from acache.store.outside import UnsafeNameError, require_function

ROOT = ("joblib",)
HASH = "0123456789abcdef" * 2
FUNCTIONS = [
    "librosa/core/spectrum/stft",
    "__main__--tmp-x-script/f/<locals>/g",
    "m/<lambda>",
    "paquet/fünf/été",
    "a b/c",
]
parts = st.sampled_from(
    ["..", ".", "", "joblib", "m", "f", "\\", "\0", "é", "func_code.py", "output.pkl",
     "metadata.json", HASH, HASH[:3], HASH[3:], ".acache", "levels", "C:", "a\nb", "x" * 256]
)  # fmt: skip
names = st.one_of(st.lists(parts, min_size=1, max_size=8).map("/".join), st.text(max_size=60))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("split", [False, True])
def test_names_are_read_as_they_were_written(function: str, split: bool) -> None:
    for file, kind in (("output.pkl", "output"), ("metadata.json", "metadata")):
        name = parse(parts_of(entry_name(function, HASH, file, split=split)), ROOT)
        assert name == (kind, function, HASH, SPLIT if split else 0)
    assert parse(parts_of(source_name(function)), ROOT) == ("source", function, "", 0)
    dotted = function.replace("/", ".")
    assert parse(parts_of(level_name(function)), ROOT) == ("level", dotted, "", 0)


@given(name=names, root=st.sampled_from([(), ROOT, ("a", "joblib")]))
def test_names_never_lead_out_of_the_store(name: str, root: tuple[str, ...]) -> None:
    try:
        found = parse(parts_of(name), root)
    except UnsafeNameError:
        return
    if found is None or found.kind == "level":
        assert found is None or "/" not in found.function
        return
    assert found.kind == "source" or is_hash(found.hash)
    path = posixpath.join("/store", function_path(found.function, 0))
    assert posixpath.normpath(path) == path
    assert path.startswith("/store/")
    assert "\0" not in path
    os.fsencode(path)


@given(function=names)
def test_functions_that_pass_are_plain_paths(function: str) -> None:
    try:
        require_function(function)
    except UnsafeNameError:
        return
    assert posixpath.normpath(function) == function
    assert not function.startswith(("/", "."))


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("joblib/m/f/func_code.py", ("joblib",)),
        ("home/me/.cache/joblib/m/f/func_code.py", ("home", "me", ".cache", "joblib")),
        ("m/f/func_code.py", ()),
        ("joblib/func_code.py", ()),
    ],
)
def test_root_is_the_folder_named_joblib(name: str, root: tuple[str, ...]) -> None:
    assert root_of(parts_of(name)) == root
