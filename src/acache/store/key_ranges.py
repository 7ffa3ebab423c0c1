"""Ranges of an object store's keys: where to divide one, and how many to list at a time."""

from __future__ import annotations

import math
import string
from collections import Counter, defaultdict
from itertools import pairwise

from acache.store.format import HASH_DIGITS, is_hash
from acache.store.layout import is_group, is_rest

LAST_KEY = "\U0010ffff"
_DIGITS = 2  # of a hash that are looked at; both layouts have them in one name
_GAIN = 1.3  # times the pages in the same time, for requests side by side to pay
_ALPHABETS = (string.digits, string.ascii_uppercase, string.ascii_lowercase)


class KeyRange:
    """Keys that are listed in order: those after one, up to another; by default all."""

    def __init__(self, after: str = "", last: str = LAST_KEY) -> None:
        self.after = after
        self.last = last

    def divide(self, point: str) -> KeyRange:
        """Give away what comes after a key."""
        rest = KeyRange(point, self.last)
        self.last = point
        return rest


class Divider:
    """Chooses where to divide what is left of a range.

    How many keys there are between two is not known. So a range is divided at a place of the key
    where keys were seen to differ, half way through the characters that may come there: at the
    first such place, after which most keys come, of those that are more than a page away.
    """

    def __init__(self) -> None:
        self._places: set[int] = set()

    def point(self, before: str, reached: str, last: str) -> str | None:
        """Return a key between the one that was reached and the last of its range.

        It is never within the folder of an entry.

        Parameters
        ----------
        before, reached : str
            Where a page began and ended.
        last : str
        """
        differing = _first_difference(before, reached)
        self._places.add(differing)
        hash_place = _hash_place(reached)
        # Where its function ends, and its hashes, which are spread evenly.
        known = {hash_place - 1, hash_place} if hash_place else set()
        for place in sorted(self._places | known):
            if place > differing or (hash_place and place >= hash_place + _DIGITS):
                break
            above, here = reached[:place], reached[place]
            digits = HASH_DIGITS if hash_place and place >= hash_place else _alphabet(here)
            free = [digit for digit in digits if digit > here and above + digit < last]
            if not free:
                continue
            middle = free[len(free) // 2]
            passed = sum(before[place : place + 1] < digit <= here for digit in digits)
            if place < differing or digits.index(middle) - digits.index(here) > passed:
                return above + middle
        return None


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _hash_place(key: str) -> int:
    """Return where an entry's hash begins; 0 where there is none."""
    place = 0
    for part, below in pairwise(key.split("/")):
        if is_hash(part) or (is_group(part) and is_rest(below)):
            return place
        place += len(part) + 1
    return 0


def _alphabet(character: str) -> str:
    """Return the characters that may stand in a name where one does, in order."""
    own = (alphabet for alphabet in _ALPHABETS if character in alphabet)
    return next(own, character + chr(ord(character) + 1) if character.isascii() else character)


class Pace:
    """Says whether a server answers more requests at a time any faster.

    One with a single processor does not: each request then only waits for the others.
    """

    def __init__(self) -> None:
        self._pages: Counter[int] = Counter()  # by how many requests there were at a time
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._last: float | None = None

    def note(self, requests: int, now: float) -> None:
        """Note that a page came, of so many that were asked for; `now` in seconds."""
        if self._last is not None:  # the first page took a connection too
            self._pages[requests] += 1
            self._seconds[requests] += now - self._last
        self._last = now

    def may_grow(self, requests: int) -> bool:
        """Return whether one more request at a time pays, as far as is known."""
        if not self._pages[1]:
            return True
        pays_now = requests == 1 or self._gain(requests) > _GAIN
        return pays_now and self._gain(requests + 1, unknown=math.inf) > _GAIN

    def _gain(self, requests: int, *, unknown: float = 0.0) -> float:
        """Return how many times as many pages come as by one request at a time."""
        if self._pages[requests] < requests:
            return unknown
        alone = self._seconds[1] / self._pages[1]
        return alone * self._pages[requests] / max(self._seconds[requests], 1e-9)
