"""Verify finds what is wrong with a store, exactly that, and changes nothing."""

from __future__ import annotations

import ast
import os
import shutil
import textwrap
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from acache.operations.execute import execute
from acache.operations.verify import store as verification
from acache.operations.verify.store import VerifyReport, plan_removal, verify
from acache.store import parallel
from acache.store.local import LocalStore
from acache.store.store import Store
from tests.helpers.marks import needs_fork, needs_links
from tests.helpers.opcodes import of
from tests.helpers.processes import dead_pid, run_line, run_python
from tests.helpers.samples import F8, long, wrapper
from tests.helpers.stores import LIBROSA_SCRIPT, VERSIONS, tree, unpack_recorded, write_entry

HASH = "0123456789abcdef" * 2
SYSTEM = b"cos\nsystem\n(Vecho > canary\ntR."


@pytest.fixture
def location(librosa_location: Path, tmp_path: Path) -> Path:
    location = tmp_path / "copy"
    shutil.copytree(librosa_location, location)
    return location


@pytest.fixture(scope="session")
def compressed_location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    location = tmp_path_factory.mktemp("zlib")
    env = {"DIR": str(location), "LEVEL": "50", "COMPRESS": "zlib"}
    run_python(LIBROSA_SCRIPT, env={f"LIBROSA_CACHE_{name}": env[name] for name in env})
    return location


def found(report: VerifyReport) -> list[tuple[str, str]]:
    return [(finding.id, finding.kind) for finding in report.findings]


def kinds(location: Path, **options: Any) -> list[str]:
    return [finding.kind for finding in verify(Store(location), **options).findings]


def put(location: Path, output: bytes, **options: Any) -> Path:
    """Write one entry of one function."""
    function = location / "joblib" / "m" / "f"
    entry = write_entry(function, HASH, output=output, **options)
    (function / "func_code.py").write_text("# first line: 1\ndef f():\n    pass\n")
    return entry


@pytest.mark.parametrize("which", ["librosa_location", "compressed_location"])
def test_verify_finds_nothing_in_what_librosa_wrote(
    which: str, request: pytest.FixtureRequest
) -> None:
    location = request.getfixturevalue(which)
    before = tree(location)
    report = verify(Store(location))
    assert report.findings == report.warnings == ()
    outputs = list(location.rglob("output.pkl"))
    assert report.entries == len(outputs) > 50
    assert any(path.read_bytes()[:1] == b"\x78" for path in outputs) == (
        which != "librosa_location"
    )
    assert tree(location) == before


@pytest.mark.parametrize("which", ["librosa_location", "compressed_location"])
def test_verify_finds_any_file_that_is_cut_and_nothing_else(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    location = tmp_path / "copy"
    shutil.copytree(request.getfixturevalue(which), location)
    store = Store(location)
    first = {path.parent.parent: path for path in sorted(location.rglob("output.pkl"))}
    for function, output in list(first.items())[::7]:
        name = ".".join(function.relative_to(location / "joblib").parts)
        entry = f"{name}/{output.parent.name}"
        for path, thing, kind in (
            (output, entry, "truncated"),
            (output.with_name("metadata.json"), entry, "bad-metadata"),
            (function / "func_code.py", name, "missing-source"),
        ):
            content = path.read_bytes()
            sizes = {0, 3} if kind == "missing-source" else {0, len(content) // 2, len(content) - 1}
            for size in sizes:
                path.write_bytes(content[:size])
                assert found(verify(store)) == [(thing, kind)], (path, size)
            path.write_bytes(content)
    assert verify(store).findings == ()


def test_verify_checks_each_of_results_that_are_alike(tmp_path: Path) -> None:
    sound = of({"a": np.arange(3.0), "b": "posix", "c": "system"})
    other = sound.replace(np.arange(3.0).tobytes(), np.ones(3).tobytes())
    name = b"\x8c\x05posix\x94\x8c\x01c\x94\x8c\x06system"
    assert other != sound
    assert sound.count(name) == 1
    # STACK_GLOBAL instead of what puts a string into the memo and begins the next: the same size.
    unsafe = sound.replace(name, b"\x8c\x05posix\x8c\x06system\x93N0N0")
    assert len(unsafe) == len(sound)
    for number, output in enumerate((sound, other, sound[:-1] + b"N", unsafe, other)):
        write_entry(tmp_path / "joblib" / "m" / "f", f"{number:032x}", output=output)
    (tmp_path / "joblib" / "m" / "f" / "func_code.py").write_text("def f():\n    pass\n")
    assert sorted(found(verify(Store(tmp_path)))) == [
        (f"m.f/{2:032x}", "truncated"),
        (f"m.f/{3:032x}", "unsafe-pickle"),
    ]


def test_verify_finds_an_entry_truncated_at_any_byte(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, "x"], "b": np.arange(5), "c": np.array([None, "y"])}
    for options in ({}, {"compress": ("zlib", 3)}, {"compress": ("xz", 3)}, {"protocol": 2}):
        data = of(value, **options)
        entry = put(tmp_path, data)
        for size in range(len(data)):
            (entry / "output.pkl").write_bytes(data[:size])
            assert kinds(tmp_path) == ["truncated"], (options, size)
        (entry / "output.pkl").write_bytes(data)
        assert kinds(tmp_path) == []
        shutil.rmtree(tmp_path / "joblib")


def test_verify_finds_most_flipped_bits(tmp_path: Path) -> None:
    data = of(np.arange(4.0))
    entry = put(tmp_path, data)
    told = 0
    for bit in range(8 * len(data)):
        content = bytearray(data)
        content[bit // 8] ^= 1 << bit % 8
        (entry / "output.pkl").write_bytes(content)
        report = verify(Store(tmp_path))
        told += bool(report.findings)
    assert told > 4 * len(data)


@pytest.mark.parametrize("compress", [False, True, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_verify_finds_nothing_in_what_joblib_stores(tmp_path: Path, compress: Any) -> None:
    mmap_mode: Any = None if compress else "r"
    memory = joblib.Memory(tmp_path, verbose=0, compress=compress, mmap_mode=mmap_mode)

    @memory.cache  # type: ignore[untyped-decorator,unused-ignore]
    def same(value: Any) -> Any:  # of its own: joblib writes the source of a function once
        return value

    for value in (np.ones((3, 4)), np.array([None, {}], object), {"x": [np.zeros(3)]}, "text"):
        same(value)
        same(value)
    report = verify(Store(tmp_path))
    assert (report.entries, report.findings) == (4, ())


def test_verify_finds_what_follows_a_pickle_or_is_outside_of_it(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    for data in (b"N.N.", b"N.\n", of([1], compress=3) + b"x", b"Pid\n.", b"\x80\x05\x97."):
        (entry / "output.pkl").write_bytes(data)
        [finding] = verify(Store(tmp_path)).findings
        assert (finding.kind, finding.severity) == ("unreadable", "problem")
        assert "goes on after its end" in finding.message or "outside" in finding.message


def test_verify_finds_claims_of_petabytes(tmp_path: Path) -> None:
    put(tmp_path, wrapper(F8, long(2**49) + b"\x85") + b".")
    assert kinds(tmp_path) == ["truncated"]


def test_verify_does_not_call_broken_what_is_too_much_to_follow(tmp_path: Path) -> None:
    put(tmp_path, b"\x80\x04}" + b")" + b"2\x86" * 60 + b"Ns.")
    report = verify(Store(tmp_path))
    [finding] = report.findings
    assert finding.kind == "unreadable"
    assert "too long to hash" in finding.message
    assert plan_removal(report, broken=True, unsafe=True).is_empty


def test_verify_reports_unsafe_before_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = put(tmp_path / "cache", SYSTEM)
    for data in (SYSTEM, SYSTEM[:-1], SYSTEM + b"x", SYSTEM[:-1] + b"\xff"):
        (entry / "output.pkl").write_bytes(data)
        [finding] = verify(Store(tmp_path / "cache")).findings
        assert finding == (
            f"m.f/{HASH}",
            "unsafe-pickle",
            "problem",
            "loading it may run code: it names os.system",
            f"acache verify --delete-unsafe --cache-dir {tmp_path / 'cache'}",
        )
    assert not (tmp_path / "canary").exists()
    assert kinds(tmp_path / "cache", allowed=["os.system"]) == ["unreadable"]


def test_verify_notes_names_of_unknown_packages_unless_strict(tmp_path: Path) -> None:
    put(tmp_path, b"cmine\nThing\n)\x81.")
    [finding] = verify(Store(tmp_path)).findings
    assert (finding.kind, finding.severity) == ("unknown-global", "note")
    assert "mine.Thing" in finding.message
    strict = verify(Store(tmp_path), strict=True)
    assert (strict.findings[0].severity, strict.problems) == ("problem", 1)
    assert kinds(tmp_path, strict=True, allowed=["mine.Thing"]) == []


def test_verify_finds_a_missing_result_unless_it_is_being_written(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    (entry / "output.pkl").unlink()
    assert found(verify(Store(tmp_path))) == [(f"m.f/{HASH}", "missing-output")]
    writing = entry / f"output.pkl.{'0' * 32}-{os.getpid()}-1"
    writing.write_bytes(b"half")
    assert kinds(tmp_path) == []
    gone = entry / f"output.pkl.{'0' * 32}-{dead_pid()}-1"
    writing.rename(gone)
    os.utime(gone, (time.time() - 7200,) * 2)
    assert kinds(tmp_path) == ["missing-output"]


def test_verify_reports_a_function_without_a_whole_source_once(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    write_entry(entry.parent, "f" * 32, output=b"N.")
    source = entry.parent / "func_code.py"
    whole = (
        "# first line: 1\n@cache(level=10)\ndef f(x):\n    y = (x,\n         x)\n    return y + 1\n"
    )
    for text in (
        None,
        "",
        "# first line: 1\n",
        "# first line: 1\nde",
        whole[:-4] + "+ (",
        whole[: whole.index(",\n")],
    ):
        source.unlink() if text is None else source.write_text(text)
        [finding] = verify(Store(tmp_path)).findings
        assert finding[:3] == ("m.f", "missing-source", "problem"), text
        assert finding.message.startswith("2 entries and ")
        assert (
            "results of old code for others" if text is None else "drops them"
        ) in finding.message
        source.write_text(whole)
    for text in (
        whole,
        "# first line: 1\nf = cache(lambda x: x)\n",
        "# first line: 3\n    def f(): pass",
    ):
        source.write_text(text)
        assert kinds(tmp_path) == []


def test_verify_finds_a_source_cut_anywhere(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    whole = (
        "# first line: 7\n"
        "    @cache(level=10)\n"
        "    @other(\n"
        "        1)\n"
        "    async def f(x,\n"
        "                y={'a': f'{1}'}):\n"
        '        """Text.\n'
        "\n"
        '        More."""\n'
        "        try:\n"
        "            if x:\n"
        "                z = [x,\n"
        "                     y]\n"
        "        except ValueError:\n"
        "            raise\n"
        "        return \\\n"
        "            z\n"
    )
    whole_ones = 0
    for size in range(len(whole) + 1):
        text = whole[:size].partition("\n")[2]
        (entry.parent / "func_code.py").write_text(whole[:size])
        try:
            is_whole = bool(ast.parse(textwrap.dedent(text)).body)
        except SyntaxError:
            is_whole = False
        assert kinds(tmp_path) == ([] if is_whole else ["missing-source"]), text
        whole_ones += is_whole
    assert 0 < whole_ones < len(whole) / 4


@pytest.mark.parametrize(
    "last",
    [
        'def f(d):\n    return f"{d["a"]}"\n',  # Python 3.12
        "def f[T](x: T) -> T: return (x)\n",
        "def f(x):\n    return x ?? f!\n",  # of no Python yet
    ],
)
def test_verify_accepts_the_syntax_of_a_newer_python(tmp_path: Path, last: str) -> None:
    source = put(tmp_path, b"N.").parent / "func_code.py"
    source.write_text(f"# first line: 1\n{last}")
    assert kinds(tmp_path) == []
    source.write_text(f"# first line: 1\n{last[:-2]}")
    assert kinds(tmp_path) == ["missing-source"]


def test_verify_reports_what_is_not_joblibs_once(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    (entry / ".DS_Store").write_bytes(b"x")
    somebodys = tmp_path / "joblib" / "m" / "f" / ("a" * 32)
    (somebodys / "deep").mkdir(parents=True)
    (somebodys / "deep" / "file").write_bytes(b"x")
    assert found(verify(Store(tmp_path))) == [
        (f"m/f/{HASH}/.DS_Store", "foreign"),
        (f"m/f/{'a' * 32}", "foreign"),
    ]


@needs_links
def test_verify_finds_links_that_joblib_follows(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    (tmp_path / "elsewhere").write_bytes(b"cos\nsystem\n.")
    (entry / "output.pkl").unlink()
    (entry / "output.pkl").symlink_to(tmp_path / "elsewhere")
    (entry.parent / ("b" * 32)).symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "joblib" / "n").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "joblib" / "notes").symlink_to(tmp_path / "elsewhere")
    report = verify(Store(tmp_path))
    links = [one.id for one in report.findings if "a link that joblib follows" in one.message]
    assert sorted(links) == [f"m/f/{HASH}/output.pkl", f"m/f/{'b' * 32}", "n"]
    assert all(one.severity == "problem" for one in report.findings if one.id in links)
    assert ("notes", "foreign") in found(report)
    plan = plan_removal(report, broken=True, unsafe=True)
    assert not plan.entries


@needs_links
@pytest.mark.parametrize("beside", [True, False])
def test_verify_finds_a_linked_result_whatever_is_beside_it(tmp_path: Path, beside: bool) -> None:
    entry = put(tmp_path, b"N.")
    (tmp_path / "elsewhere").write_bytes(b"cos\nsystem\n.")
    (entry / "output.pkl").unlink()
    (entry / "output.pkl").symlink_to(tmp_path / "elsewhere")
    if not beside:
        (entry / "metadata.json").unlink()
    store = Store(tmp_path)
    [finding] = [one for one in verify(store).findings if one.kind == "unreadable"]
    assert (finding.id, finding.severity) == (f"m/f/{HASH}/output.pkl", "problem")
    assert finding.fix is not None
    run_line(finding.fix)
    assert kinds(tmp_path) == ["missing-output"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_verify_finds_a_result_that_is_no_file(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.")
    (entry / "output.pkl").unlink()
    os.mkfifo(entry / "output.pkl")
    assert (f"m/f/{HASH}/output.pkl", "unreadable") in found(verify(Store(tmp_path)))


def test_verify_accepts_a_structure_of_many_fields(tmp_path: Path) -> None:
    put(tmp_path, of(np.zeros(2, [(f"a{n}", "f8") for n in range(300)])))
    assert kinds(tmp_path) == []


def test_verify_accepts_missing_metadata_but_not_broken_metadata(tmp_path: Path) -> None:
    entry = put(tmp_path, b"N.", metadata=b'{"duration": 1.0, "input_args": {}')
    assert kinds(tmp_path) == ["bad-metadata"]
    (entry / "metadata.json").write_text("{}")
    assert kinds(tmp_path) == ["bad-metadata"]
    (entry / "metadata.json").unlink()
    assert kinds(tmp_path) == []


def test_verify_skips_what_cannot_be_decompressed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, b"\x04\x22\x4d\x18rest")
    monkeypatch.setitem(__import__("sys").modules, "lz4.frame", None)
    report = verify(Store(tmp_path))
    assert (report.entries, report.findings) == (0, ())
    assert report.warnings == ("lz4 is not installed, which reads lz4: 1 not checked",)


def test_verify_removes_damaged_entries_alone(tmp_path: Path) -> None:
    function = put(tmp_path, b"N.").parent
    for number, output in enumerate((b"N", b"\xff", SYSTEM, b"cmine\nx\n.")):
        write_entry(function, f"{number:032x}", output=output)
    (write_entry(function, "a" * 32) / "output.pkl").unlink()
    report = verify(Store(tmp_path))
    unsafe = plan_removal(report, broken=False, unsafe=True)
    assert [entry.hash[-1] for entry in unsafe.entries] == ["2"]
    broken = plan_removal(report, broken=True, unsafe=False)
    assert sorted(entry.hash[-1] for entry in broken.entries) == ["0", "1"]
    assert broken.total.compute_seconds == 3.0
    again = function / f"{1:032x}" / "output.pkl"
    again.write_bytes(b"N.")  # written anew since it was checked
    os.utime(again, (1, 1))
    outcome = execute(broken)
    assert (outcome.removed.entries, outcome.failed) == (1, ())
    assert sorted(path.name[-1] for path in function.iterdir() if path.is_dir()) == [
        "1",
        "2",
        "3",
        "f",
    ]


def test_verify_ignores_what_vanishes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = put(tmp_path, b"N.")
    opened = LocalStore.open_output

    def vanishing(self: LocalStore, *names: str) -> Any:
        (entry / "output.pkl").unlink()
        return opened(self, *names)

    monkeypatch.setattr(LocalStore, "open_output", vanishing)
    report = verify(Store(tmp_path))
    assert (report.entries, [f.kind for f in report.findings]) == (0, [])


@needs_fork
def test_verify_by_two_processes_finds_what_one_finds(
    location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(verification, "_PIECE", 2)
    for number, path in enumerate(sorted(location.rglob("output.pkl"))):
        if number % 3 == 0:
            path.write_bytes((b"N", SYSTEM, b"cmine\nx\n.")[number % 9 // 3])
    one, two = (verify(Store(location), fork=fork) for fork in (False, True))
    assert one.findings == two.findings
    assert len(one.findings) > 20
    assert (one.entries, one.size_bytes) == (two.entries, two.size_bytes)
    assert one.broken == two.broken
    assert one.unsafe == two.unsafe


def test_verify_changes_no_access_time(location: Path) -> None:
    for path in location.rglob("*"):
        os.utime(path, (1_000_000_000, 1_600_000_000))
    before = {path: path.stat().st_atime_ns for path in location.rglob("*")}
    verify(Store(location), fork=True)
    assert {path: path.stat().st_atime_ns for path in before} == before


def test_verify_of_recorded_stores_of_old_joblibs(tmp_path: Path) -> None:
    for version in VERSIONS:
        unpack_recorded(version, tmp_path / version)
        report = verify(Store(tmp_path / version / "str"))
        assert report.entries
        told = {finding.id.partition("/")[0] for finding in report.findings}
        assert told, "one was killed while it stored"
        assert all(".broken." in function for function in told), version
