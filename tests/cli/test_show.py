"""``acache show``: an entry's arguments and value, a function's source and totals."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse

from tests.helpers.processes import Result, run_python
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]
HASHES = [digit * 32 for digit in "0369cf"]


def arrays_in(value: object) -> list[np.ndarray]:
    if scipy.sparse.issparse(value):
        return [value.indices, value.indptr, value.data]
    if isinstance(value, tuple):
        return [array for part in value for array in arrays_in(part)]
    return [value] if isinstance(value, np.ndarray) else []


def test_show_describes_librosas_entries(acache: Acache, librosa_location: Path) -> None:
    outputs = {path.parents[1]: path for path in librosa_location.rglob("output.pkl")}
    assert len(outputs) > 15
    for output in outputs.values():
        folder = output.parent
        function = ".".join(folder.parent.relative_to(librosa_location / "joblib").parts)
        result = acache("show", f"{function}/{folder.name}", "--json",
                        "--cache-dir", librosa_location)  # fmt: skip
        assert (result.code, result.stderr) == (0, "")
        document = result.document
        assert document["id"] == f"{function}/{folder.name}"
        metadata = json.loads((folder / "metadata.json").read_bytes())
        assert document["args"] == metadata["input_args"]
        assert document["compute_seconds"] == metadata["duration"]
        value = joblib.load(output)
        assert sorted(
            (tuple(a["shape"]), a["dtype"], a["size_bytes"]) for a in document["value"]["arrays"]
        ) == sorted((a.shape, str(a.dtype), a.nbytes) for a in arrays_in(value))
        if isinstance(value, np.ndarray):
            assert document["value"]["type"] == "numpy.ndarray"
        elif isinstance(value, tuple | bool):
            assert document["value"]["type"] == type(value).__name__


COMPRESSED = """
import sys, joblib, numpy
def f(n):
    return {"y": numpy.zeros((n, 3), "float32"), "names": ["a"] * n}
joblib.Memory(sys.argv[1], compress=eval(sys.argv[2]), verbose=0).cache(f)(7)
"""


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz", "lz4"])
def test_show_names_the_compression(acache: Acache, tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(COMPRESSED)
    run_python(
        "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])",
        script,
        tmp_path / "cache",
        repr((method, 3)),
    )
    [folder] = (output.parent for output in (tmp_path / "cache").rglob("output.pkl"))
    result = acache("show", f"f/{folder.name[:4]}", "--cache-dir", tmp_path / "cache")
    assert (result.code, result.stderr) == (0, "")
    assert f"compressed with {method}\n" in result.stdout
    assert "  dict of 2\n" in result.stdout
    assert "    'y': array, shape (7, 3), dtype float32  84 B\n" in result.stdout


def test_show_of_an_entry(acache: Acache, tmp_path: Path) -> None:
    metadata = {
        "duration": 1.5,
        "input_args": {"y": "array([1., 2.],\n      dtype=float32)", "evil": "\x1b[31m"},
        "time": 1.0,
    }
    write_entry(
        tmp_path / "joblib" / "m" / "f",
        HASHES[0],
        output=b"\x80\x04K*.",
        metadata=json.dumps(metadata).encode(),
    )
    result = acache("show", "m.f/0", "--cache-dir", tmp_path)
    assert (result.code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"m.f/{HASHES[0]}"
    assert "compute    1.5 s, with storing" in lines
    assert "  y     array, shape (2,), dtype float32: [1., 2.]" in lines
    assert "  evil  \\x1b[31m" in lines
    assert lines[-3:] == ["value", "  42", "  not compressed"]


def test_show_of_a_function(acache: Acache, librosa_location: Path) -> None:
    result = acache("show", "stft", "--cache-dir", librosa_location)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.startswith("librosa.core.spectrum.stft\nlevel      20\n")
    assert "  @cache(level=20)\n  def stft(\n" in result.stdout
    document = acache("show", "stft", "--json", "--cache-dir", librosa_location).document
    assert document["source"].startswith("@cache(level=20)\ndef stft(")
    stats = acache("stats", "--json", "--function", "spectrum.stft",
                   "--cache-dir", librosa_location).document  # fmt: skip
    rows = {row["function"]: row for row in stats["functions"]}
    row = rows["librosa.core.spectrum.stft"]
    assert {key: document[key] for key in row} == row


def test_show_prefers_a_function_to_an_entry_of_that_name(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "m" / "add", HASHES[0])
    write_entry(tmp_path / "joblib" / "m", "add" + "0" * 29)
    assert "source" in acache("show", "m/add", "--json", "--cache-dir", tmp_path).document
    assert "hash" in acache("show", "m/add0", "--json", "--cache-dir", tmp_path).document


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("g", "names 2 functions: m.g, n.g"),
        ("sftf", "acache stats lists them"),
        ("m.ff", "the nearest: m.f"),
        ("m.f/0", "names 2 entries"),
        ("m.f/c", "no such entry"),
        ("", "no function"),
        ("/0", "no function"),
    ],
)
def test_show_of_an_unknown_name_gets_one_line(
    acache: Acache, tmp_path: Path, name: str, says: str
) -> None:
    for function in ("m/f", "m/g", "n/g"):
        write_entry(tmp_path / "joblib" / function, HASHES[0])
        write_entry(tmp_path / "joblib" / function, "0" * 31 + "1")
    result = acache("show", name, "--cache-dir", tmp_path)
    assert (result.stdout, result.code) == ("", 2)
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert acache("show", "--cache-dir", tmp_path).code == 2


def test_show_of_a_damaged_entry_warns(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "f", HASHES[0], output=b"\x80\x04\x95", metadata=b"{broken")
    result = acache("show", "f/0", "--cache-dir", tmp_path)
    assert result.code == 0
    assert result.stderr.count("acache: warning: cannot read its ") == 2
    document = acache("show", "f/0", "--json", "--cache-dir", tmp_path).document
    assert (document["value"], document["args"], len(document["warnings"])) == (None, None, 2)


def test_show_runs_nothing_and_changes_no_access_time(acache: Acache, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    entry = write_entry(
        tmp_path / "joblib" / "f",
        HASHES[0],
        output=b"cos\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR.",
    )
    for path in (entry, entry / "output.pkl", entry / "metadata.json"):
        os.utime(path, (1_000_000_000, 1_600_000_000))
    result = acache("show", "f/0", "--cache-dir", tmp_path)
    assert result.code == 0
    assert "os.system" in result.stdout
    assert not canary.exists()
    for path in (entry, entry / "output.pkl", entry / "metadata.json"):
        assert path.stat().st_atime == 1_000_000_000


def test_show_of_another_users_entry_notes_it_first(
    acache: Acache, tmp_path: Path, as_nobody: int | None
) -> None:
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0], output=b"\x80\x04N.")
    result = acache("show", "f/0", "--cache-dir", tmp_path, user=as_nobody)
    assert result.code == 0
    assert ("another user" in result.stderr) == (as_nobody is not None)
    assert entry.exists()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_show_fits(acache: Acache, librosa_location: Path, width: int) -> None:
    env = {"COLUMNS": str(width)}
    ids = acache("ls", "-q", "--cache-dir", librosa_location).stdout.splitlines()
    assert len(ids) > 50
    for one in ids[:8]:
        text = acache("show", one, "--cache-dir", librosa_location, env=env).stdout
        assert max(map(len, text.splitlines())) <= width


def test_show_of_a_stale_function_shows_what_differs(acache: Acache, drifted: Path) -> None:
    def shown(name: str) -> str:
        return acache("show", name, "--cache-dir", drifted).stdout

    assert "\nsource     as installed\n" in shown("drifted.current")
    assert "not as installed: joblib drops the entries" in shown("drifted.changed")
    assert (
        "\nstored (-) and installed (+)\n  @@ -1,2 +1,2 @@\n"
        "  -def changed(x):\n  +def changed(x, y=0):\n       return x\n"
    ) in shown("drifted.changed")
    assert "has no such function" in shown("drifted.gone")
    assert "cannot be compared" in shown("unknown")
    assert "\nsource     not as installed" in shown("drifted.changed/00")
    assert "source" not in shown("drifted.current/00")
    for name in ("current", "changed", "gone", "unknown"):
        document = acache("show", name, "--json", "--cache-dir", drifted).document
        assert document["source_state"] == name
        assert (document["installed_source"] is not None) == (name == "changed")
        entry = acache("show", f"{name}/0", "--json", "--cache-dir", drifted).document
        assert entry["source_state"] == name


def test_large_argument_is_named(acache: Acache, tmp_path: Path) -> None:
    text = "[1.5, 2.5], " * 6_000_000
    for number, given in enumerate((text, text[:2_000_000])):
        metadata = json.dumps({"duration": 1.5, "input_args": {"n": "3", "S": given}}).encode()
        folder = tmp_path / "joblib" / "m" / "f"
        write_entry(folder, f"{number}" * 32, output=b"N.", metadata=metadata)
        result = acache("show", f"f/{number}", "--cache-dir", tmp_path)
        assert result.code == 0
        size = "72.0 MB" if number == 0 else "2.0 MB"
        path = folder / (f"{number}" * 32) / "metadata.json"
        assert f"{path} holds {size} of text of the argument S" in result.stderr
        assert "Errno" not in result.stderr
        assert re.search(r"^compute +1.5 s", result.stdout, re.MULTILINE)
        assert re.search(r"^  n  3$", result.stdout, re.MULTILINE)
