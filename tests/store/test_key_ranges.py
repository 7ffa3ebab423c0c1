"""Where a range of an object store's keys is divided, and how many are listed at a time."""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from collections import Counter

import pytest

from acache.store.format import is_hash
from acache.store.key_ranges import Divider, KeyRange, Pace

PAGE = 100


def keys_of(functions: int, entries: int, *, split: bool = False) -> list[str]:
    keys = []
    for function in range(functions):
        folder = f"team/joblib/package/module_{function}/function"
        keys.append(f"{folder}/func_code.py")
        for number in range(entries):
            digits = hashlib.md5(f"{function} {number}".encode()).hexdigest()
            name = f"{digits[:3]}/{digits[3:]}" if split else digits
            keys += [f"{folder}/{name}/{file}" for file in ("metadata.json", "output.pkl")]
    return sorted(keys)


def list_all(keys: list[str], seed: int = 0) -> list[list[str]]:
    """List keys by ranges that are divided after every page; return what each has listed."""
    chance, divider = random.Random(seed), Divider()
    active = [(KeyRange(), "", [])]
    listed = [active[0][2]]
    while active:
        part, before, own = active.pop(chance.randrange(len(active)))
        start = bisect_right(keys, before or part.after)
        page = keys[start : start + PAGE]
        own += [key for key in page if key <= part.last]
        if not page or page[-1] > part.last:
            continue
        began = before or part.after
        active.append((part, page[-1], own))
        if began and (point := divider.point(began, page[-1], part.last)):
            assert page[-1] < point < part.last
            active.append((part.divide(point), "", []))
            listed.append(active[-1][2])
    return listed


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("functions", "entries"), [(1, 3000), (30, 100), (1000, 3), (3, 0)])
def test_ranges_hold_each_key_once_and_cut_no_entry(
    functions: int, entries: int, split: bool
) -> None:
    keys = keys_of(functions, entries, split=split)
    for seed in range(5):
        listed = list_all(keys, seed)
        assert sorted(key for own in listed for key in own) == keys
        folders = [{key.rpartition("/")[0] for key in own if "func" not in key} for own in listed]
        assert max(Counter(folder for own in folders for folder in own).values(), default=1) == 1


@pytest.mark.parametrize("key", ["m/f/{}/output.pkl", "m/f/{}/x/many/{}", "Ünï/日本/{}", "{}"])
def test_point_is_behind_what_was_reached_and_in_no_entry(key: str) -> None:
    chance, divider = random.Random(key), Divider()
    for _ in range(500):
        before, reached, last = sorted(
            key.format(f"{chance.getrandbits(128):032x}", chance.randrange(30)) for _ in range(3)
        )
        point = divider.point(before, reached, last)
        if point is not None:
            assert reached < point < last
            assert not any(is_hash(part) for part in point.split("/")[:-1])


@pytest.mark.parametrize(("functions", "entries"), [(1, 10_000), (20, 500), (1000, 10)])
def test_range_is_divided_far_from_where_it_has_come(functions: int, entries: int) -> None:
    keys = keys_of(functions, entries)
    divider, part = Divider(), KeyRange()
    reached = keys[PAGE - 1]
    # Points that lie behind all keys say only where these end.
    for index in range(2 * PAGE - 1, len(keys), PAGE):
        point = divider.point(reached, keys[index], part.last)
        reached = keys[index]
        if point:
            rest = part.divide(point)
            ahead = sum(reached < key <= part.last for key in keys)
            behind = sum(part.last < key <= rest.last for key in keys)
            if ahead > 5 * PAGE < behind:
                return
    pytest.fail("no part was large")


def test_function_end_is_the_first_place_where_one_function_was_seen() -> None:
    keys = [f"m/f/0{digit:x}{'0' * 30}/output.pkl" for digit in range(3)]
    divider = Divider()
    assert divider.point(keys[0], keys[1], "z") == "m/f0"
    assert divider.point(keys[1], keys[2], "m/f0") == "m/f/8"
    assert divider.point(keys[1], keys[2], "m/f/1") == "m/f/09"


def test_point_is_further_away_than_a_page() -> None:
    below = "m/f/{}0000000000000000000000000000000/output.pkl".format
    assert Divider().point(below("1"), below("5"), "m/f0") == "m/f/b"
    assert Divider().point(below("1"), below("9"), "m/f0") is None  # eight digits are not left


def pages(pace: Pace, requests: int, count: int, seconds: float, start: float = 0.0) -> float:
    for _ in range(count):
        start += seconds
        pace.note(requests, start)
    return start


def test_pace_grows_as_long_as_pages_come_faster() -> None:
    pace = Pace()
    now = pages(pace, 1, 3, 1.0)
    assert pace.may_grow(1)  # two at a time were never seen
    for requests in range(2, 8):
        assert not pace.may_grow(requests)  # nor were so many
        now = pages(pace, requests, requests, 1.0 / requests, now)
        assert pace.may_grow(requests)


def test_pace_does_not_grow_where_requests_wait_for_each_other() -> None:
    pace = Pace()
    now = pages(pace, 1, 3, 1.0)
    now = pages(pace, 2, 4, 0.9, now)
    assert not pace.may_grow(2)
    assert not pace.may_grow(1)
    pages(pace, 2, 8, 0.5, now)
    assert pace.may_grow(1)


def test_connection_does_not_count() -> None:
    pace = Pace()
    pages(pace, 2, 3, 0.6, pages(pace, 1, 3, 1.0, pages(pace, 1, 1, 100.0)))
    assert pace.may_grow(2)


def test_pace_may_grow_where_there_is_nothing_to_compare_with() -> None:
    pace = Pace()
    pages(pace, 4, 8, 1.0)
    assert pace.may_grow(4)
