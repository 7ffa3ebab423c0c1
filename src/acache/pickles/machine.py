"""The machine that follows a pickle: a window of its stream, the stack, the memo, their bounds."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from acache.pickles.compression import DamagedError, Stream
from acache.pickles.nodes import (
    SEALED,
    ArrayInfo,
    Container,
    Excerpt,
    Global,
    LimitError,
    Node,
    Object,
    Unknown,
    whole_tuple,
)
from acache.pickles.thinning import Tree, is_needed, is_short, thin_out, trees

SHORT = 256  # bytes: of what is longer, an excerpt is kept
FAR = 1 << 62  # beyond any window
MOST_MEMO = 50_000
_MARGIN = SHORT + 16  # bytes that follow any opcode in a window, its argument among them
_PADDING = bytes(_MARGIN)
_WINDOWS = (1 << 12, 1 << 16)  # bytes: the first window, and the largest

_MOST_MARKS = 10_000
_MOST_NAMES = 5_000
_MOST_ARRAYS = 1_000
_DEEPEST = 1000  # tuples in tuples: pickle itself writes no deeper ones
_MOST_HASHED = 2_000_000  # values in tuples that are keys, and 20 more a byte: half a second
_MOST_HELD = 50_000  # values on all stacks
_LONG_STACK = 8_192
_TOP = 1_024  # values at the top of a stack that are never dropped
_HEAVY = frozenset((Container, Excerpt, Object, Unknown))  # of what hashing may take long
_HASHING = ("dict", "set", "frozenset")
_UNHASHABLE = ("list", "dict", "set")
_NO_KEYS = frozenset(
    Global("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")
)
_HEAVIEST = 1 << 60  # a sum of weights takes no more memory than a number
_MOST_NESTED = 500  # arrays in arrays, of which 4,000 are fine, and 5,000 crash Python
_MOST_WEIGHTS = 1 << 24
_MOST_LATE = 10_000  # short values that are remembered beyond a full memo, the last used ones
_NO_HEAD: tuple[list[Node], int] = ([], 0)


class PickleError(DamagedError):
    """A pickle that cannot be followed: what is wrong, and at which byte, uncompressed."""


class Watcher(Protocol):
    """Who is told, as a pickle is followed, of all that loading it would look up and call.

    What was told before an error is what loading would have done until there.
    """

    def named(self, named: Global, /) -> None:
        """Take note of a class or function that is looked up; of each once."""

    def made(self, made: Object, /) -> None:
        """Take note of a call; of none that makes a plain value which is known."""

    def built(self, made: Object, named: Global, /) -> None:
        """Take note of a state that was set on what a class or function made."""

    def filled(self, made: Object, /) -> None:
        """Take note of items or pairs that were put into what a class or function made."""


class _State(NamedTuple):
    """What each pickle has of its own, should it be one within another."""

    stack: list[Node]
    marks: list[list[Node]]
    heads: dict[int, tuple[list[Node], int]]  # by level: the first values, how many are dropped
    memo: dict[int, Node]
    forgotten: int
    late: OrderedDict[int, Node]
    recent: deque[tuple[int, Node]]
    frame_end: int
    protocol: int
    weights: bytearray  # of what did not fit into the memo: the bits of each


def _fresh() -> _State:
    return _State([], [], {}, {}, 0, OrderedDict(), deque(maxlen=8), 0, 0, bytearray())


class Machine:
    """Does a pickle's opcodes to symbols, a window of the stream at a time.

    A handler gets the machine, the window and the index behind its opcode, and returns the index
    of the next one: beyond the window's end, the machine passes over what is between. At least
    `_MARGIN` bytes follow the index; at the stream's end they are zeros, which is noticed after.
    """

    __slots__ = (
        *("arrays", "base", "contents", "cut", "deepest", "end", "fence", "first_protocol"),
        *("forgotten", "frame_end", "hashed", "heads", "late", "marks", "memo", "most_items"),
        *("most_nodes", "names", "outer", "outside", "passed", "protocol", "recent", "resume"),
        *("since_tidied", "stack", "stopped", "stream", "turn", "value", "watcher", "weights"),
        "window",
    )

    def __init__(
        self,
        stream: Stream,
        most_nodes: int,
        most_items: int,
        watcher: Watcher | None,
        contents: bool = True,
    ) -> None:
        self.stream = stream
        self.contents = contents
        self.watcher = watcher
        self.most_nodes = most_nodes
        self.most_items = most_items
        self.names: dict[Global, Global] = {}
        self.arrays: list[ArrayInfo] = []
        self.passed: list[tuple[int, int]] = []
        self.cut = False
        self.outside = False  # whether it refers to what is not in it
        self.hashed = 0  # values in keys
        self.deepest = 0  # in what is forgotten, objects may be nested so deep
        self.value: Node = None
        self.first_protocol = 0
        self.base = 0  # where the window starts in the stream
        self.end = 0  # of the window, without the zeros
        self.fence = 0  # up to which opcodes are read in this window
        self.turn: int | None = None  # where a frame begins in it
        self.window = _WINDOWS[0]
        self.resume: tuple[bytes, int] | None = None  # read ahead, and where that starts
        self.since_tidied = 0
        self.stopped = -1
        self.outer: list[tuple[Object, _State]] = []
        self._restore(_fresh())

    def _restore(self, state: _State) -> None:
        (self.stack, self.marks, self.heads, self.memo, self.forgotten) = state[:5]
        (self.late, self.recent, self.frame_end, self.protocol, self.weights) = state[5:]

    @property
    def position(self) -> int:
        """Where the pickle ends in the stream."""
        return self.base + self.stopped

    def trailing(self) -> bool:
        """Tell whether anything follows the pickle."""
        return self.stopped < self.end or not self.stream.at_end()

    def ended(self, end: int) -> PickleError:
        """Return the error of a pickle that ends at an index of the window, or beyond it."""
        return PickleError(f"ends too early, at byte {self.base + end}", truncated=True)

    def next_window(self, data: bytes, i: int) -> tuple[bytes, int, int]:
        """Read on from an index: a window, the index in it, and where to end reading opcodes."""
        if self.turn is not None:
            i, self.turn = self.turn, None
        elif self.frame_end:
            self._leave_frame(i)
        if i >= self.fence or self.resume is not None:
            data, i = self._next(data, i)
        frame = self.frame_end - self.base
        return data, i, min(self.fence, frame) if frame > 0 else self.fence

    def _leave_frame(self, i: int) -> None:
        position = self.base + i if self.resume is None else self.resume[1]
        if position > self.frame_end:
            reason = "what is read reaches beyond its frame"
            raise PickleError(f"damaged at byte {self.frame_end}: {reason}")
        if position == self.frame_end:
            self.frame_end = 0

    def _next(self, data: bytes, i: int) -> tuple[bytes, int]:
        # All that is remembered is looked through then: the more that is, the more rarely.
        if self.since_tidied >= max(_WINDOWS[1], 2 * len(self.memo)):
            self._tidy()
        rest = self._move_to(data, i)
        more = self.stream.read(self.window)
        data = rest + more
        self.since_tidied += len(more)
        self.end = len(data)
        if not data:
            raise self.ended(0)
        if len(more) < self.window:
            self.fence = self.end
            return data + _PADDING, 0
        self.window = min(2 * self.window, _WINDOWS[1])
        self.fence = self.end - _MARGIN
        return data, 0

    def _move_to(self, data: bytes, i: int) -> bytes:
        """Pass over what is before an index, and return what is left of the window."""
        if self.resume is not None:
            rest, self.base = self.resume
            self.resume = None
            return rest
        gap = i - self.end
        if gap > 0:
            self.window = _WINDOWS[0]  # an array most likely, and little behind it
            skipped = self.stream.skip(gap)
            if skipped < gap:
                raise self.ended(self.end + skipped)
        self.base += i
        return data[i : self.end]

    def line(self, data: bytes, i: int, most: int = SHORT) -> tuple[bytes | None, int]:
        """Read a line; None if it is longer than so much. Only text protocols have lines."""
        end = data.find(b"\n", i, self.end)
        if end >= 0:
            return data[i:end] if end - i <= most else None, end + 1
        begun, passed = data[i : self.end], self.end
        while True:
            part = self.stream.read(_WINDOWS[1])
            if not part:
                raise self.ended(passed)
            end = part.find(b"\n")
            if len(begun) <= most:
                begun += part if end < 0 else part[:end]
            if end >= 0:
                self.resume = part[end + 1 :], self.base + passed + end + 1
                return begun if len(begun) <= most else None, FAR
            passed += len(part)

    def pieces(self, data: bytes, i: int, size: int) -> Iterator[bytes]:
        """Read through a long value, which may reach beyond the window; then see `after`."""
        inside = data[i : min(i + size, self.end)]
        yield inside
        left = size - len(inside)
        while left:
            part = self.stream.read(min(left, _WINDOWS[1]))
            if not part:
                raise self.ended(self.end + size - len(inside) - left)
            left -= len(part)
            self.resume = b"", self.base + i + size - left
            yield part

    def after(self, i: int) -> int:
        """Return the index behind what `pieces` read, given that in the window."""
        return i if self.resume is None else FAR

    def pop_mark(self) -> tuple[list[Node], int]:
        """Take what is above the last mark: the values that are kept, the count of all."""
        items, self.stack = self.stack, self.marks.pop()
        head, dropped = self.heads.pop(len(self.marks) + 1, _NO_HEAD) if self.heads else _NO_HEAD
        return (head + items, len(head) + dropped + len(items)) if head else (items, len(items))

    def take_up(self, kind: str, items: list[Node], count: int) -> None:
        """Put items, or a dict's keys and values, into the container at the top."""
        target, most = self.stack[-1], self.most_items
        if kind in _HASHING:
            self.weigh(items[::2] if kind == "dict" else items)
        if kind == "dict":
            if count % 2:
                raise ValueError("a key has no value")
            count, most = count // 2, 2 * most
        if type(target) is Container and target.kind == kind:
            if target.structure is not None:
                if target.structure is SEALED:
                    raise LimitError("the attributes of something are changed")
                raise ValueError("the fields of a type are changed")
            self.measure(target, items)
            target.add(items, count, most)
        elif type(target) is Object:
            self._fill(target, kind, items, count, most)
        elif type(target) is Unknown:
            raise LimitError("fills what is among too many")
        else:
            raise ValueError(f"what should be a {kind} is none")

    def _fill(self, target: Object, kind: str, items: list[Node], count: int, most: int) -> None:
        if target.array is not None:
            raise ValueError("an array is filled")
        held = target.holds(kind)
        self.measure(held, items)
        held.add(items, count, most)
        target.weight = max(target.weight, held.weight)
        target.nesting = max(target.nesting, 1 + held.nesting)
        self.nested(target.nesting)
        if self.watcher is not None:
            self.watcher.filled(target)

    def measure(self, made: Container, items: list[Node]) -> None:
        """Note what hashing a tuple would take, as what it holds may be dropped later."""
        made.weight += len(items)
        if _HEAVY.isdisjoint(map(type, items)):
            return
        hashable = made.kind == "tuple"
        for item in items:
            if type(item) is not Object or hashable:
                made.weight = min(made.weight + self.weight(item), _HEAVIEST)
            nesting = self.nesting(item)
            if nesting > made.nesting:
                made.nesting = nesting
            if type(item) is Container and hashable and made.depth <= item.depth:
                made.depth = item.depth + 1
        if made.depth > _DEEPEST:
            raise LimitError("tuples nested deeper than Python can hash")

    def weigh(self, keys: list[Node]) -> None:
        """Refuse keys that take long to hash: a tuple of twice the same tuple, and so on."""
        if _HEAVY.isdisjoint(map(type, keys)):
            return
        for key in keys:
            if type(key) is Container and key.kind in _UNHASHABLE:
                raise ValueError(f"a {key.kind} is a key")
            if type(key) is Object and (key.array is not None or key.class_of() in _NO_KEYS):
                raise ValueError("what cannot be hashed is a key")
            self.hashed += self.weight(key)
        self._require_little()

    def copied(self, node: Node) -> None:
        """Refuse to copy a value over and over: a pickle may name it in a few bytes."""
        for item in whole_tuple(node) or [node]:
            self.hashed += self.weight(item)
            if type(item) is Excerpt:
                self.hashed += (item.size_bytes or 0) // 8
        self._require_little()

    def allocated(self, size_bytes: int) -> None:
        """Refuse arrays of objects that take much memory which the pickle does not fill."""
        self.hashed += size_bytes // 64
        self._require_little()

    def _require_little(self) -> None:
        if self.hashed > _MOST_HASHED + 20 * self.base:
            raise LimitError("values that take too long to hash, or too much memory as copies")

    def weight(self, node: Node) -> int:
        """Tell how many values there are in a value, as many times as they are in it."""
        if isinstance(node, (Container, Object)):
            return node.weight
        if type(node) is Excerpt:  # of an integer the hash is computed each time
            return (node.size_bytes or 0) // 4 if node.kind == "int" else 0
        return node.weight if type(node) is Unknown else 0

    def nesting(self, node: Node) -> int:
        """Tell how deep objects are nested in one; in other containers that starts anew."""
        if type(node) is Object:
            return node.nesting
        return self.deepest if type(node) is Unknown else 0

    def nested(self, nesting: int) -> None:
        """Refuse what is nested so deep that Python crashes when it lets go of it."""
        self.deepest = max(self.deepest, nesting)
        if nesting > _MOST_NESTED:
            raise LimitError("arrays, or other objects, nested too deep")

    def name(self, module: str, name: str) -> Global:
        """Record a class or function that the pickle names."""
        named = Global(module, name)
        # Whether a name in an array of objects is one of Python 2 is decided by that array's own
        # pickle up to joblib 1.5, by the pickle around it since then.
        is_old = self.protocol < 3
        if self.outer and (self.outer[0][1].protocol < 3) != is_old:
            if self._recorded(named) != self._recorded(_renamed(named)):
                raise LimitError("a name that joblib's versions read as another")
            return named
        return self._recorded(_renamed(named) if is_old else named)

    def _recorded(self, named: Global) -> Global:
        if named not in self.names:
            if len(self.names) >= _MOST_NAMES:
                raise LimitError(f"it names more than {_MOST_NAMES} classes and functions")
            self.names[named] = named
            if self.watcher is not None:
                self.watcher.named(named)
        return self.names[named]

    def found(self, array: ArrayInfo) -> None:
        """Record an array that the pickle holds."""
        if len(self.arrays) < _MOST_ARRAYS:
            self.arrays.append(array)
        else:
            self.cut = True

    def passed_over(self, begin: int, end: int) -> None:
        """Record that nothing looks at the bytes from one index to another."""
        if len(self.passed) <= _MOST_ARRAYS:
            self.passed.append((self.base + begin, self.base + end))

    def remember(self, key: int | None) -> None:
        """Put the top into the memo, which is nearly full or full: at the next index if None.

        Each index is the next one, as pickle writes them. With any other one nobody could tell
        later which of the forgotten values it replaces.
        """
        value, memo = self.stack[-1], self.memo
        following = len(memo) + self.forgotten
        if key is None:
            key = following
        if key in memo:
            memo[key] = value
            return
        if key != following:
            raise LimitError("a memo too large to follow")
        # What is forgotten weighs what it weighed, rounded up to a power of two.
        if len(self.weights) < _MOST_WEIGHTS:
            self.weights.append(self.weight(value).bit_length())
        if is_needed(value) and len(memo) < 2 * MOST_MEMO:
            memo[key] = value
            return
        if type(value) is Global:
            raise LimitError("a memo too large to follow")
        self.forgotten += 1
        self.recent.append((key, value))
        if is_short(value):
            self.late[key] = value
            if len(self.late) > _MOST_LATE:
                self.late.popitem(last=False)

    def recall(self, key: int) -> None:
        """Push what the memo has at an index."""
        try:
            self.stack.append(self.memo[key])
        except KeyError:
            if not self.forgotten:
                raise ValueError(f"nothing is remembered as {key}") from None
            if key in self.late:
                self.late.move_to_end(key)
                self.stack.append(self.late[key])
                return
            self.cut = True
            at = key - MOST_MEMO
            power = self.weights[at] if 0 <= at < len(self.weights) else 0
            self.stack.append(Unknown("among too many", (1 << power) - 1))

    def pin(self, *values: Node) -> None:
        """Remember again what was just forgotten: other classes will be named after it."""
        for key, value in self.recent:
            if key not in self.memo and any(value is one for one in values):
                self.memo[key] = value
                self.forgotten -= 1

    def enter(self, array: Object) -> None:
        """Begin the pickle of its own that the items of an array of objects are."""
        state = _State(
            *(self.stack, self.marks, self.heads, self.memo, self.forgotten),
            *(self.late, self.recent, self.frame_end, self.protocol, self.weights),
        )
        self.outer.append((array, state))
        self._restore(_fresh())

    def leave(self, value: Node) -> None:
        """Put what the inner pickle holds into its array."""
        array, state = self.outer.pop()
        self._restore(state)
        if type(value) is Object and value.array is not None:
            array.array, array.items = value.array, value.items
            array.nesting = value.nesting
        else:
            raise ValueError("the items of an array are no array")

    def _tidy(self) -> None:
        """Bound what is held in memory, whatever the pickle does."""
        self.since_tidied = 0
        if len(self.marks) > _MOST_MARKS:
            raise LimitError("nested too deep")
        held = 0
        for level, stack in enumerate((*self.marks, self.stack)):
            if len(stack) > _LONG_STACK:
                self._shorten(level, stack)
            held += len(stack)
        if held > _MOST_HELD:
            raise LimitError("too much is begun and not ended")
        self.cut |= thin_out(self._roots(), self.most_nodes)

    def _shorten(self, level: int, stack: list[Node]) -> None:
        """Drop the middle of what will be a long tuple, keys and values together."""
        head, dropped = self.heads.get(level, _NO_HEAD)
        end = (len(stack) - _TOP) // 2 * 2
        begin = min(2 * self.most_items - len(head), end)
        self.heads[level] = head + stack[:begin], dropped + end - begin
        self.weigh(stack[begin:end])  # as if they were keys: a tuple of them may become one
        del stack[:end]

    def _roots(self) -> Iterator[Tree]:
        """Yield what is held, what is worked on first."""
        states = [(self.stack, self.marks, self.heads, self.memo)]
        states += [state[:4] for _, state in self.outer]
        for stack, marks, _, _ in states:
            for level in (stack, *reversed(marks)):
                yield from trees(reversed(level))
        for _, _, heads, memo in states:
            for head, _ in heads.values():
                yield from trees(head)
            yield from trees(memo.values())


def _renamed(named: Global) -> Global:
    """Translate a name of Python 2, as unpickling protocols 0 to 2 does."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if named in NAME_MAPPING:
        return Global(*NAME_MAPPING[named])
    return Global(IMPORT_MAPPING.get(named.module, named.module), named.name)


Handler = Callable[[Machine, bytes, int], int]
