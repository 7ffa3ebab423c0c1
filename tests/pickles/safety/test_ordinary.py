"""What ordinary functions return is never unsafe; what runs code is, in whichever package."""

from __future__ import annotations

import contextlib
import datetime
import io
import sys
from types import FrameType
from typing import Any

import joblib
import numpy as np
import pytest

from acache.pickles import DamagedError, describe_file
from acache.pickles.safety import Judge
from tests.helpers.hostile import of, text
from tests.helpers.ordinary import PACKAGES, results


def judged(data: bytes) -> Judge:
    judge = Judge()
    describe_file(io.BytesIO(data), watcher=judge, most_items=1000, contents=False)
    return judge


def pickled(value: Any, protocol: int) -> bytes | None:
    file = io.BytesIO()
    try:
        joblib.dump(value, file, protocol=protocol)
    except Exception:  # some results cannot be pickled
        return None
    return file.getvalue()


@pytest.mark.parametrize("package", PACKAGES)
def test_ordinary_results_are_harmless(package: str) -> None:
    wrong, checked = {}, 0
    for expression, value in results(package):
        for protocol in (4, 5):
            data = pickled(value, protocol)
            if data is None:
                continue
            checked += 1
            try:
                judge = judged(data)
            except DamagedError as error:
                wrong[expression] = str(error)
                continue
            if judge.unsafe or judge.doubts or judge.unknown:
                wrong[expression] = f"{judge.unsafe} {judge.doubts} {judge.unknown}"
    assert wrong == {}
    assert checked > 50


@pytest.mark.parametrize(
    "value",
    [np.timedelta64(5), np.datetime64("NaT"), np.array(["NaT"], "M8"), datetime.datetime(2, 1, 1)],
)
def test_times_without_a_unit_are_sound(value: Any) -> None:
    assert judged(of(value)).unsafe == []


def test_ordinary_results_are_of_hundreds_of_types() -> None:
    found = {type(value) for package in PACKAGES for _, value in results(package)}
    assert len(found) > 400


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return f"c{module}\n{name}\n(".encode() + b"".join(arguments) + b"tR"


FUNCTIONS = [
    *("torch.storage._load_from_bytes", "torch.load", "pandas.read_pickle", "dill.loads"),
    *("cloudpickle.loads", "yaml.unsafe_load", "mine.Thing", "sklearn.externals.joblib.load"),
    *("scipy.io.loadmat", "pandas.io.pickle.read_pickle", "xarray.open_dataset", "nibabel.load"),
    *("dill._dill._create_function", "cloudpickle.cloudpickle._make_function", "numba.core.x"),
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_are_not_known_are_unsafe_when_they_are_called(name: str) -> None:
    module, _, function = name.rpartition(".")
    data = b"C\x04evil"
    ways = {
        "REDUCE": b"\x80\x04" + call(module, function, data) + b".",
        "OBJ": f"\x80\x04(c{module}\n{function}\n".encode("latin-1") + data + b"o.",
        "INST": b"\x80\x04(" + data + f"i{module}\n{function}\n.".encode(),
        "no argument": f"\x80\x02c{module}\n{function}\n)R.".encode("latin-1"),
        "its result is dropped": b"\x80\x04" + call(module, function, data) + b"0N.",
        "in an array": b"\x80\x04](" + call(module, function, data) + b"e.",
        "by a default": b"\x80\x04ccollections\ndefaultdict\n(" + call(module, function) + b"tR.",
    }
    for way, content in ways.items():
        assert judged(content).unsafe, way
    value = judged(f"\x80\x04c{module}\n{function}\n.".encode("latin-1"))
    assert (value.unsafe, value.unknown) == ([], [name])


@pytest.mark.parametrize("protocol", range(6))
def test_instances_of_classes_that_are_not_known_are_unknown(protocol: int) -> None:
    from tests.helpers.samples import Plain

    judge = judged(of(Plain(x=1), protocol=protocol))
    assert (judge.unsafe, judge.unknown) == ([], ["tests.helpers.samples.Plain"])


def unsafe_partials() -> dict[str, bytes]:
    system = b"cos\nsystem\n"
    load = b"ctorch\nload\n"
    made = b"cfunctools\npartial\n("
    return {
        "of a command": made + system + b"tR.",
        "whose state is a command": made + b"cnumpy\nmean\ntR(" + system + b")}Ntb.",
        "that is called": made + load + b"tR)R.",
        "that a generator calls": b"cnumpy.random._pickle\n__generator_ctor\n(" + text("x") + made
        + load + b"tRtR.",
        "of a method that is called": b"cbuiltins\ngetattr\n(csklearn.svm._classes\nSVC\n)\x81"
        + text("fit") + b"tR)R.",
    }  # fmt: skip


@pytest.mark.parametrize("way", unsafe_partials())
def test_partial_of_what_runs_code_stays_unsafe(way: str) -> None:
    assert judged(b"\x80\x04" + unsafe_partials()[way]).unsafe


def hiding() -> dict[str, bytes]:
    """Return pickles in which an attribute or an item takes the place of a method or of code."""
    load = b"ctorch\nload\n"
    norm = b"cscipy.stats._continuous_distns\nnorm_gen\n)\x81"
    isotonic = b"csklearn.isotonic\nIsotonicRegression\n)\x81"
    mine = b"cmine\nThing\n)\x81"
    bunch = b"csklearn.utils._bunch\nBunch\n)\x81"
    code = text("import os; os.system('echo > canary')")
    later = text("\ndef _parse_args(self, x=1):\n    return x, 1\nimport os\n")
    called = text("\ndef _parse_args(self, x=open('canary', 'w')):\n    return (x), 1\n")
    template = text("_parse_arg_template")
    return {
        "code of a distribution": norm + b"}" + template + code + b"sb.",
        "code behind a function": norm + b"}" + template + later + b"sb.",
        "code in a default": norm + b"}" + template + called + b"sb.",
        "code among pairs": norm + b"](" + template + code + b"\x86eb.",
        "code among items": norm + b"ccollections\nOrderedDict\n)R" + template + code + b"sb.",
        "code of another distribution": b"cmine\nMy_gen\n)\x81}" + template + code + b"sb.",
        "what a distribution calls": norm + b"}" + text("_attach_methods") + load + b"sb.",
        "what an estimator calls": isotonic + b"}" + text("_build_f") + load + b"sb.",
        "a state that is called": bunch + text("__setstate__") + load + b"s" + text("x") + b"b.",
        "the same of another class": mine + text("__setstate__") + load + b"s" + text("x") + b"b.",
        "items that are called": mine + b"}" + text("append") + load + b"sb" + text("x") + b"a.",
        "many items that are called": mine
        + b"}" + text("extend") + load + b"sb(" + text("x") + b"e.",
        "a base that is called": b"ccopyreg\n_reconstructor\n(cmine\nThing\n" + load + b"}tR.",
        "an attribute that NumPy asks for": mine + b"}" + text("__array_interface__") + b"Nsb.",
    }  # fmt: skip


@pytest.mark.parametrize("way", hiding())
def test_attributes_that_hide_what_loading_calls_are_unsafe(way: str) -> None:
    judge = Judge()
    with contextlib.suppress(DamagedError):
        describe_file(io.BytesIO(b"\x80\x04" + hiding()[way]), watcher=judge, contents=False)
    assert judge.unsafe


@pytest.mark.parametrize(("name", "most"), [("MT19937", 624), ("Philox", 4)])
def test_generator_has_its_place_within_its_numbers(name: str, most: int) -> None:
    state = getattr(np.random, name)(1)
    key = b"\x8c\x03pos" if name == "MT19937" else b"\x8c\x0abuffer_pos"
    data = of(state, protocol=4)
    at = data.index(key) + len(key) + 1
    for place, is_known in ((0, True), (most, True), (most + 1, False), (60_000, False)):
        end = at + (2 if data[at : at + 1] == b"K" else 3)
        changed = data[:at] + b"M" + place.to_bytes(2, "little") + data[end:]
        frame = data.rindex(b"\x95", 0, at)
        size = int.from_bytes(data[frame + 1 : frame + 9], "little") + len(changed) - len(data)
        changed = changed[: frame + 1] + size.to_bytes(8, "little") + changed[frame + 9 :]
        assert (judged(changed).unsafe == []) == is_known, place


def calls_to_judge(data: bytes) -> int:
    """Count the functions that judging calls, those that are written in C left out."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judge = judged(data)
    finally:
        sys.setprofile(before)
    assert judge.unsafe == judge.unknown == []
    return calls


# Calls for each matrix. Matrices of kind lil and dok store each of their 100 values by itself.
@pytest.mark.parametrize(
    ("kind", "most"),
    [
        *(("csr", 1000), ("csc", 1000), ("coo", 1000), ("bsr", 1000), ("dia", 1000)),
        *(("lil", 100 * 80), ("dok", 100 * 260)),
    ],
)
def test_sparse_matrices_take_steps_in_proportion_to_what_they_are_made_of(
    kind: str, most: int
) -> None:
    import scipy.sparse

    def many(count: int) -> bytes:
        matrices = [
            scipy.sparse.random(100, 100, 0.01, kind, random_state=seed) for seed in range(count)
        ]
        return of(matrices)

    few, more = calls_to_judge(many(10)), calls_to_judge(many(40))
    assert (more - few) / 30 < most
