"""The structure of a pickle that joblib wrote, told without loading it: nothing in it runs.

The opcodes are those of ``Lib/pickle.py`` (protocols 0 to 5), done to symbols; the arrays between
them are those of ``NumpyArrayWrapper`` in ``joblib/numpy_pickle.py``, versions 0.10 to 1.6.

Whoever checks a pickle relies on this: what joblib would read as an opcode is read as an opcode
here, and as the same one. Where that cannot be told, reading ends with an error.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple, NoReturn

from acache.compression import MAGIC_BYTES, DamagedError, Stream, detect, open_stream
from acache.outline import (
    RECONSTRUCTOR,
    UNKNOWN_NAME,
    ArrayInfo,
    Container,
    Excerpt,
    Global,
    Node,
    Object,
    Unknown,
    array_info,
    dtype_of,
    read_dtype,
    whole_dict,
    whole_tuple,
)

_SHORT = 256  # bytes: what is longer is kept as an excerpt
_START = 64  # bytes of that
_MARGIN = _SHORT + 16  # bytes that follow any opcode in a window, its argument among them
_PADDING = bytes(_MARGIN)
_WINDOWS = (1 << 12, 1 << 16)  # bytes: the first window, and the largest
_FAR = 1 << 62  # beyond any window

_MOST_MARKS = 10_000
_MOST_NAMES = 5_000
_MOST_ARRAYS = 1_000
_MOST_MEMO = 50_000
_MOST_HELD = 50_000  # values on all stacks
_LONG_STACK = 8_192
_LEAST_ITEMS = 70  # a shape has up to 64
_FEW = 5  # values in what is worked on, which are never dropped: an Object has five
_TOP = 1_024  # values at the top of a stack that are never dropped

_WRAPPERS = tuple(
    Global(module, "NumpyArrayWrapper")
    for module in ("joblib.numpy_pickle", "sklearn.externals.joblib.numpy_pickle")
)
_ALIGNMENT = "numpy_array_alignment_bytes"
# Strings that are remembered however many there are: what tells of an array is made of them.
_WORDS = frozenset("CF<>=|") | {
    *("subclass", "shape", "order", "dtype", "allow_mmap", _ALIGNMENT, "latin1"),
    *("numpy", "ndarray", "joblib.numpy_pickle", "NumpyArrayWrapper"),
}


class PickleError(DamagedError):
    """A pickle that cannot be followed: what is wrong, and at which byte, uncompressed."""


class Description(NamedTuple):
    """What a pickle holds.

    Attributes
    ----------
    value : Node
    protocol : int
        0 if the pickle names none: then it is 0 or 1.
    compression : str or None
        See `acache.compression.detect`.
    arrays : tuple of ArrayInfo
        The first thousand.
    globals : tuple of (module, name)
        Every class and function that the pickle names, in order, as Python 3 names them, whatever
        characters that are. ``?`` stands for a part that is computed; extensions are shown as of
        ``copyreg``.
    bytes_read : int
        Of the pickle, uncompressed.
    trailing : bool
        Whether anything follows the pickle. joblib passes over that, but for what follows a zlib
        or gzip stream: it hangs there.
    cut : bool
        Whether more was left out of this than the last items of long containers.
    """

    value: Node
    protocol: int
    compression: str | None
    arrays: tuple[ArrayInfo, ...]
    globals: tuple[Global, ...]
    bytes_read: int
    trailing: bool
    cut: bool


def describe_file(
    file: BinaryIO, *, most_nodes: int = 20_000, most_items: int = 100
) -> Description:
    """Describe a file that joblib wrote, compressed or not.

    Parameters
    ----------
    file : binary file
        Seekable, at its beginning. Unbuffered is fine.
    most_nodes, most_items
        See `describe`.

    Raises
    ------
    DamagedError
        If it is damaged or truncated.
    MissingPackageError
        If what decompresses it is not installed.
    """
    start = file.tell()
    method = detect(file.read(MAGIC_BYTES))
    file.seek(start)
    return describe(open_stream(file, method), most_nodes=most_nodes, most_items=most_items)


def describe(stream: Stream, *, most_nodes: int = 20_000, most_items: int = 100) -> Description:
    """Describe a pickle, and see that its stream ends as it should.

    Time is linear in the opcodes; memory is bounded, whatever the pickle holds or claims.

    Parameters
    ----------
    stream : Stream
    most_nodes : int > 0
        About how many values to keep, when there are many.
    most_items : int > 0
        How many items of each container to keep, 70 at least: the shapes of arrays are tuples.

    Raises
    ------
    PickleError
        If it is no pickle, ends too early, or cannot be followed safely.
    DamagedError
        If the compressed stream is damaged or truncated.
    """
    machine = _Machine(stream, most_nodes, max(most_items, _LEAST_ITEMS))
    machine.run()
    return Description(
        machine.value,
        machine.first_protocol,
        stream.method,
        tuple(machine.arrays),
        tuple(machine.names),
        machine.position,
        machine.trailing(),
        machine.cut,
    )


class _Machine:
    """Does a pickle's opcodes to symbols, a window of the stream at a time.

    A handler gets the machine, the window and the index behind its opcode, and returns the index
    of the next one: beyond the window's end, the machine passes over what is between. At least
    `_MARGIN` bytes follow the index; at the stream's end they are zeros, which is noticed after.
    """

    __slots__ = (
        *("arrays", "base", "cut", "end", "first_protocol", "forgotten", "frame_end", "heads"),
        *("marks", "memo", "most_items", "most_nodes", "names", "outer", "protocol", "recent"),
        *("resume", "scattered", "since_tidied", "stack", "stopped", "stream", "value", "window"),
    )

    def __init__(self, stream: Stream, most_nodes: int, most_items: int) -> None:
        self.stream = stream
        self.most_nodes = most_nodes
        self.most_items = most_items
        self.names: dict[Global, Global] = {}
        self.arrays: list[ArrayInfo] = []
        self.cut = False
        self.value: Node = None
        self.first_protocol = 0
        self.base = 0  # where the window starts in the stream
        self.end = 0  # of the window, without the zeros
        self.window = _WINDOWS[0]
        self.resume: tuple[bytes, int] | None = None  # read ahead, and where that starts
        self.since_tidied = 0
        self.stopped = -1
        self.outer: list[tuple[Object, _State]] = []
        self._restore(_State([], [], {}, {}, 0, False, deque(maxlen=8), 0, 0))

    def _restore(self, state: _State) -> None:
        (self.stack, self.marks, self.heads, self.memo, self.forgotten) = state[:5]
        (self.scattered, self.recent, self.frame_end, self.protocol) = state[5:]

    @property
    def position(self) -> int:
        """Where the pickle ends in the stream."""
        return self.base + self.stopped

    def trailing(self) -> bool:
        return self.stopped < self.end or not self.stream.at_end()

    def run(self) -> None:
        data, i, table = b"", 0, _HANDLERS
        try:
            while self.stopped < 0:
                data, i, fence = self._next_window(data, i)
                while i < fence:
                    i = table[data[i]](self, data, i + 1)
        except IndexError:
            self._refuse(data, i, "an opcode lacks what it works on")
        except ValueError as error:
            self._refuse(data, i, str(error)[:_SHORT])

    def _refuse(self, data: bytes, i: int, reason: str) -> NoReturn:
        if _ends_inside(data, i, self.end):
            raise self.ended(self.end) from None
        raise PickleError(f"damaged at byte {self.base + i}: {reason}") from None

    def ended(self, end: int) -> PickleError:
        return PickleError(f"ends too early, at byte {self.base + end}", truncated=True)

    def _next_window(self, data: bytes, i: int) -> tuple[bytes, int, int]:
        if self.since_tidied >= _WINDOWS[1]:
            self._tidy()
        rest = self._move_to(data, i)
        more = self.stream.read(self.window)
        data = rest + more
        self.since_tidied += len(more)
        self.end = len(data)
        if not data:
            raise self.ended(0)
        if len(more) < self.window:
            return data + _PADDING, 0, self.end
        self.window = min(2 * self.window, _WINDOWS[1])
        return data, 0, self.end - _MARGIN

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

    def line(self, data: bytes, i: int) -> tuple[bytes | None, int]:
        """Read a line; None if it is long. Only text protocols have lines."""
        end = data.find(b"\n", i, i + _SHORT + 1)
        if end >= 0:
            return data[i:end], end + 1
        end = data.find(b"\n", i, self.end)
        return None, end + 1 if end >= 0 else self._find_line_end()

    def _find_line_end(self) -> int:
        passed = self.end
        while True:
            part = self.stream.read(_WINDOWS[1])
            if not part:
                raise self.ended(passed)
            end = part.find(b"\n") + 1
            if end:
                self.resume = part[end:], self.base + passed + end
                return _FAR
            passed += len(part)

    def pop_mark(self) -> tuple[list[Node], int]:
        """Take what is above the last mark: the values that are kept, the count of all."""
        items, self.stack = self.stack, self.marks.pop()
        head, dropped = self.heads.pop(len(self.marks) + 1, _NO_HEAD) if self.heads else _NO_HEAD
        return (head + items, len(head) + dropped + len(items)) if head else (items, len(items))

    def take_up(self, kind: str, items: list[Node], count: int) -> None:
        """Put items, or a dict's keys and values, into the container at the top."""
        target, most = self.stack[-1], self.most_items
        if kind == "dict":
            if count % 2:
                raise ValueError("a key has no value")
            count, most = count // 2, 2 * most
        if type(target) is Container and target.kind == kind:
            target.add(items, count, most)
        elif type(target) is Object:
            target.holds(kind).add(items, count, most)
        elif type(target) is not Unknown:
            raise ValueError(f"what should be a {kind} is none")

    def name(self, module: str, name: str) -> Global:
        """Record a class or function that the pickle names."""
        named = Global(module, name)
        if self.protocol < 3:
            named = _renamed(named)
        if named not in self.names:
            if len(self.names) >= _MOST_NAMES:
                raise ValueError(f"it names more than {_MOST_NAMES} classes and functions")
            self.names[named] = named
        return self.names[named]

    def found(self, array: ArrayInfo) -> None:
        if len(self.arrays) < _MOST_ARRAYS:
            self.arrays.append(array)
        else:
            self.cut = True

    def remember(self, key: int | None) -> None:
        """Put the top into the memo, which is nearly full or full: at the next index if None."""
        value, memo = self.stack[-1], self.memo
        following = len(memo) + self.forgotten
        if key is None:
            if self.scattered:
                raise ValueError("a memo too large to follow")
            key = following
        if key in memo or (_is_needed(value) and len(memo) < 2 * _MOST_MEMO):
            self.scattered |= key not in memo and key != following
            memo[key] = value
            return
        self.scattered |= key != following
        self.forgotten += 1
        self.recent.append((key, value))

    def recall(self, key: int) -> None:
        try:
            self.stack.append(self.memo[key])
        except KeyError:
            if not self.forgotten:
                raise ValueError(f"nothing is remembered as {key}") from None
            self.cut = True
            self.stack.append(Unknown("among too many"))

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
            *(self.scattered, self.recent, self.frame_end, self.protocol),
        )
        self.outer.append((array, state))
        self._restore(_State([], [], {}, {}, 0, False, deque(maxlen=8), 0, 0))

    def leave(self, value: Node) -> None:
        """Put what the inner pickle holds into its array."""
        array, state = self.outer.pop()
        self._restore(state)
        if type(value) is Object and value.array is not None:
            array.array, array.items = value.array, value.items
        elif array.array is not None:
            array.items = Container("list", [value], 1)
            self.found(array.array)

    def _tidy(self) -> None:
        """Bound what is held in memory, whatever the pickle does."""
        self.since_tidied = 0
        if len(self.marks) > _MOST_MARKS:
            raise ValueError("nested too deep")
        held = 0
        for level, stack in enumerate((*self.marks, self.stack)):
            if len(stack) > _LONG_STACK:
                self._shorten(level, stack)
            held += len(stack)
        if held > _MOST_HELD:
            raise ValueError("too much is begun and not ended")
        self.cut |= _thin_out(self._roots(), self.most_nodes)

    def _shorten(self, level: int, stack: list[Node]) -> None:
        """Drop the middle of what will be a long tuple, keys and values together."""
        head, dropped = self.heads.get(level, _NO_HEAD)
        end = (len(stack) - _TOP) // 2 * 2
        begin = min(2 * self.most_items - len(head), end)
        self.heads[level] = head + stack[:begin], dropped + end - begin
        del stack[:end]

    def _roots(self) -> Iterator[_Tree]:
        """Yield what is held, what is worked on first."""
        states = [(self.stack, self.marks, self.heads, self.memo)]
        states += [state[:4] for _, state in self.outer]
        for stack, marks, _, _ in states:
            for level in (stack, *reversed(marks)):
                yield from _trees(reversed(level))
        for _, _, heads, memo in states:
            for head, _ in heads.values():
                yield from _trees(head)
            yield from _trees(memo.values())


class _State(NamedTuple):
    """What each pickle has of its own, should it be one within another."""

    stack: list[Node]
    marks: list[list[Node]]
    heads: dict[int, tuple[list[Node], int]]  # by level: the first values, how many are dropped
    memo: dict[int, Node]
    forgotten: int
    scattered: bool  # whether the memo was filled out of order since
    recent: deque[tuple[int, Node]]
    frame_end: int
    protocol: int


_NO_HEAD: tuple[list[Node], int] = ([], 0)


def _is_needed(value: Node) -> bool:
    return (
        type(value) is Global
        or dtype_of(value) is not None
        or (type(value) is str and value in _WORDS)
    )


def _renamed(named: Global) -> Global:
    """Translate a name of Python 2, as unpickling protocols 0 to 2 does."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if named in NAME_MAPPING:
        return Global(*NAME_MAPPING[named])
    return Global(IMPORT_MAPPING.get(named.module, named.module), named.name)


_Tree = Container | Object


def _trees(nodes: Iterable[Node]) -> list[_Tree]:
    return [n for n in nodes if (type(n) is Container and n.items) or type(n) is Object]


def _thin_out(roots: Iterator[_Tree], most: int) -> bool:
    """Drop what the roots hold beyond so many values; each has half of what those before left."""
    seen: set[int] = set()
    left, dropped = most, False
    for root in roots:
        share = left // 2
        waiting = deque([root])
        while waiting:
            node = waiting.popleft()
            if id(node) in seen:
                continue
            seen.add(id(node))
            children = node.children()
            if len(children) > share and not (node is root and len(children) <= _FEW):
                node.strip()
                dropped = True
                continue
            share -= len(children)
            left -= len(children)
            waiting += _trees(children)
    return dropped


# Calls that make something known, and what joblib's arrays are.


def _called(made: Object) -> Node:
    special = _CALLS.get(made.target) if type(made.target) is Global else None
    return made if special is None else special(made)


def _encoded(made: Object) -> Node:
    """Bytes, as protocols 0 to 2 have them: ``_codecs.encode(text, "latin1")``."""
    arguments = whole_tuple(made.arguments) or []
    if len(arguments) != 2 or arguments[1] != "latin1":
        return made
    text = arguments[0]
    if type(text) is Excerpt and type(text.start) is str:
        return Excerpt("bytes", text.start.encode("latin-1", "replace"), None)
    return text.encode("latin-1") if type(text) is str else made


def _bytes(made: Object) -> Node:
    return b"" if whole_tuple(made.arguments) == [] else made


def _bytearray(made: Object) -> Node:
    arguments = whole_tuple(made.arguments)
    data = b"" if arguments == [] else arguments[0] if arguments and len(arguments) == 1 else None
    if type(data) is Excerpt:
        return data._replace(kind="bytearray")
    return Excerpt("bytearray", data[:_START], len(data)) if type(data) is bytes else made


def _set(made: Object) -> Node:
    arguments = whole_tuple(made.arguments) or []
    items = arguments[0] if len(arguments) == 1 else None
    if type(made.target) is not Global or type(items) is not Container or items.kind != "list":
        return made
    return Container(made.target.name, list(items.items), items.count)


def _complex(made: Object) -> Node:
    parts = whole_tuple(made.arguments) or []
    if len(parts) == 2 and type(parts[0]) is float and type(parts[1]) is float:
        return complex(parts[0], parts[1])
    return made


def _dtype(made: Object) -> Node:
    made.kind, made.dtype = "dtype", read_dtype(made)
    return made


def _scalar(made: Object) -> Node:
    made.kind = "scalar"
    made.dtype = dtype_of((whole_tuple(made.arguments) or [None])[0])
    return made


def _from_buffer(made: Object) -> Node:
    parts = whole_tuple(made.arguments) or []
    dtype = dtype_of(parts[1]) if len(parts) >= 4 else None
    if dtype is not None:
        made.kind, made.array = "array", array_info(parts[2], dtype, parts[3], None)
    return made


def _reconstructed(made: Object) -> None:
    """Describe an array of a state (version, shape, dtype, is Fortran, data)."""
    parts = whole_tuple(made.state) or []
    dtype = dtype_of(parts[2]) if len(parts) >= 5 else None
    if dtype is not None:
        subclass = (whole_tuple(made.arguments) or [None])[0]
        made.array = array_info(parts[1], dtype, "F" if parts[3] else "C", subclass)
        made.kind = "array"
        made.items = parts[4] if type(parts[4]) is Container else None


_CALLS: dict[Global, Callable[[Object], Node]] = {
    Global("_codecs", "encode"): _encoded,
    Global("builtins", "bytes"): _bytes,
    Global("builtins", "bytearray"): _bytearray,
    Global("builtins", "set"): _set,
    Global("builtins", "frozenset"): _set,
    Global("builtins", "complex"): _complex,
    Global("numpy", "dtype"): _dtype,
    **{Global(f"numpy.{c}.multiarray", "scalar"): _scalar for c in ("core", "_core")},
    **{Global(f"numpy.{c}.numeric", "_frombuffer"): _from_buffer for c in ("core", "_core")},
}
_STATEFUL: dict[Global, Callable[[Object], object]] = {
    Global("numpy", "dtype"): _dtype,
    **{Global(f"numpy.{c}.multiarray", "_reconstruct"): _reconstructed for c in ("core", "_core")},
    Global("numpy.ma.core", "_mareconstruct"): _reconstructed,
}


def _is_blank(made: Object) -> bool:
    """Tell whether something was made with nothing in it, as any protocol does."""
    arguments = whole_tuple(made.arguments)
    if made.made == "new":
        return arguments == []
    return (
        made.target == RECONSTRUCTOR
        and arguments is not None
        and arguments[1:] == [Global("builtins", "object"), None]
    )


def _read_array(m: _Machine, wrapper: Object, state: Node, data: bytes, i: int) -> int:
    """Put an array where its wrapper was, as ``NumpyArrayWrapper.read_array`` does."""
    parts = whole_dict(state)
    if parts is None or wrapper.state is not None or not _is_blank(wrapper):
        raise ValueError("an array is not as joblib writes it")
    dtype = dtype_of(parts.get("dtype"))
    if dtype is None:
        raise ValueError("the type of an array is not known")
    if m.base + i < m.frame_end:
        raise ValueError("an array is in a frame")  # joblib would read on behind the frame
    subclass = parts.get("subclass")
    array = Object(subclass, "new", Container("tuple", [], 0))
    array.kind = "array"
    array.array = array_info(parts.get("shape"), dtype, parts.get("order"), subclass)
    wrapper.state = state
    m.stack[-1] = array
    if dtype.has_objects:
        m.enter(array)
        return i
    m.found(array.array)
    if parts.get(_ALIGNMENT) is not None:  # since joblib 1.2
        i += 1 + data[i]
    return i + array.array.size_bytes


# The opcodes, by what they take.


_Handler = Callable[[_Machine, bytes, int], int]


def _unknown_opcode(m: _Machine, data: bytes, i: int) -> int:
    raise ValueError(f"{data[i - 1]:#04x} is no opcode")


def _constant(value: Node) -> _Handler:
    def push(m: _Machine, data: bytes, i: int) -> int:
        m.stack.append(value)
        return i

    return push


def _empty(kind: str) -> _Handler:
    def push(m: _Machine, data: bytes, i: int) -> int:
        m.stack.append(Container(kind, [], 0))
        return i

    return push


def _number(layout: str) -> _Handler:
    fixed = Struct(layout)
    unpack, size = fixed.unpack_from, fixed.size

    def push(m: _Machine, data: bytes, i: int) -> int:
        m.stack.append(unpack(data, i)[0])
        return i + size

    return push


def _binint1(m: _Machine, data: bytes, i: int) -> int:
    m.stack.append(data[i])
    return i + 1


def _short_text(m: _Machine, data: bytes, i: int) -> int:
    end = i + 1 + data[i]
    m.stack.append(_decoded(data[i + 1 : end]))
    return end


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogatepass")


def _latin1(data: bytes) -> str:
    return data.decode("latin-1")


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _bytes_kept(data: bytes) -> bytes:
    return data


def _bytearray_kept(data: bytes) -> Excerpt:
    return Excerpt("bytearray", data[:_START], len(data))


def _sized(layout: str, kind: str, value: Callable[[bytes], Node]) -> _Handler:
    length = Struct(layout)

    def push(m: _Machine, data: bytes, i: int) -> int:
        size: int = length.unpack_from(data, i)[0]
        i += length.size
        if size < 0:
            raise ValueError("a length is negative")
        if size <= _SHORT:
            m.stack.append(value(data[i : i + size]))
            return i + size
        start = data[i : i + _START]
        text = "" if kind == "int" else start.decode("utf-8", "ignore") if kind == "str" else start
        m.stack.append(Excerpt(kind, text, size))
        return i + size

    return push


def _lined(kind: str, value: Callable[[bytes], Node], encoding: str = "latin-1") -> _Handler:
    def push(m: _Machine, data: bytes, i: int) -> int:
        line, after = m.line(data, i)
        if line is None:
            start = data[i : i + _START].decode(encoding, "ignore")
            m.stack.append(Excerpt(kind, start, None))
        else:
            m.stack.append(value(line))
        return after

    return push


def _text_int(line: bytes) -> Node:
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line, 0)


def _text_long(line: bytes) -> int:
    return int(line[:-1] if line.endswith(b"L") else line, 0)


def _text_string(line: bytes) -> str:
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"'):
        raise ValueError("a string is not quoted")
    return _latin1(codecs.escape_decode(line[1:-1])[0])


def _text_unicode(line: bytes) -> str:
    return line.decode("raw-unicode-escape")


def _proto(m: _Machine, data: bytes, i: int) -> int:
    m.protocol = data[i]
    if m.protocol > 5:
        raise ValueError(f"protocol {m.protocol} is not known")
    if not m.outer:
        m.first_protocol = max(m.protocol, m.first_protocol)
    return i + 1


def _frame(m: _Machine, data: bytes, i: int) -> int:
    begin = m.base + i + 8
    if begin < m.frame_end:
        raise ValueError("a frame begins within another")
    m.frame_end = begin + int.from_bytes(data[i : i + 8], "little")
    return i + 8


def _stop(m: _Machine, data: bytes, i: int) -> int:
    value = m.stack.pop()
    if m.outer:
        if m.base + i < m.frame_end:
            raise ValueError("the pickle of an array's items ends within a frame")
        m.leave(value)
        return i
    m.value, m.stopped = value, i
    return _FAR


def _mark(m: _Machine, data: bytes, i: int) -> int:
    m.marks.append(m.stack)
    m.stack = []
    return i


def _pop(m: _Machine, data: bytes, i: int) -> int:
    if m.stack or len(m.marks) in m.heads:
        m.stack.pop()
    else:
        m.pop_mark()
    return i


def _pop_mark(m: _Machine, data: bytes, i: int) -> int:
    m.pop_mark()
    return i


def _dup(m: _Machine, data: bytes, i: int) -> int:
    m.stack.append(m.stack[-1])
    return i


def _collected(kind: str) -> _Handler:
    def collect(m: _Machine, data: bytes, i: int) -> int:
        items, count = m.pop_mark()
        m.stack.append(Container(kind, [], 0))
        m.take_up(kind, items, count)
        return i

    return collect


def _tuple(size: int) -> _Handler:
    def collect(m: _Machine, data: bytes, i: int) -> int:
        stack = m.stack
        items = stack[-size:]
        if len(items) < size:
            raise IndexError
        stack[-size:] = [Container("tuple", items, size)]
        return i

    return collect


def _extended(kind: str) -> _Handler:
    def extend(m: _Machine, data: bytes, i: int) -> int:
        m.take_up(kind, *m.pop_mark())
        return i

    return extend


def _append(m: _Machine, data: bytes, i: int) -> int:
    m.take_up("list", [m.stack.pop()], 1)
    return i


def _set_item(m: _Machine, data: bytes, i: int) -> int:
    value = m.stack.pop()
    m.take_up("dict", [m.stack.pop(), value], 2)
    return i


def _memoize(m: _Machine, data: bytes, i: int) -> int:
    memo = m.memo
    size = len(memo)
    if size < _MOST_MEMO:
        memo[size] = m.stack[-1]
    else:
        m.remember(None)
    return i


def _put(m: _Machine, key: int) -> None:
    if key < 0:
        raise ValueError("an index is negative")
    if len(m.memo) < _MOST_MEMO:
        m.memo[key] = m.stack[-1]
    else:
        m.remember(key)


def _indexed(size: int, do: Callable[[_Machine, int], None]) -> _Handler:
    def handle(m: _Machine, data: bytes, i: int) -> int:
        do(m, int.from_bytes(data[i : i + size], "little"))
        return i + size

    return handle


def _line_indexed(do: Callable[[_Machine, int], None]) -> _Handler:
    def handle(m: _Machine, data: bytes, i: int) -> int:
        line, after = m.line(data, i)
        if line is None:
            raise ValueError("an index is too long")
        do(m, int(line))
        return after

    return handle


def _extension(m: _Machine, code: int) -> None:
    if not 0 < code < 2**31:
        raise ValueError("an extension has no such code")
    m.stack.append(m.name("copyreg", f"extension {code}"))


def _two_lines(m: _Machine, data: bytes, i: int) -> tuple[Global, int]:
    module, i = m.line(data, i)
    name, i = m.line(data, i) if module is not None else (None, i)
    if module is None or name is None:
        raise ValueError("a name is too long")
    return m.name(module.decode(), name.decode()), i


def _global(m: _Machine, data: bytes, i: int) -> int:
    named, i = _two_lines(m, data, i)
    m.stack.append(named)
    return i


def _stack_global(m: _Machine, data: bytes, i: int) -> int:
    name, module = m.stack.pop(), m.stack.pop()
    m.pin(module, name)
    m.stack.append(m.name(_part(module), _part(name)))
    return i


def _part(node: Node) -> str:
    if isinstance(node, (Excerpt, Unknown, Object)):
        return UNKNOWN_NAME
    if type(node) is not str:
        raise ValueError("a name is no string")
    return node


def _callable(node: Node) -> Node:
    if not isinstance(node, (Global, Unknown, Object)):
        raise ValueError("what is called is neither class nor function")
    return node


def _reduce(m: _Machine, data: bytes, i: int) -> int:
    arguments = m.stack.pop()
    made = _called(Object(_callable(m.stack[-1]), "reduce", arguments))
    m.stack[-1] = made
    if type(made) is Object and made.array is not None:
        m.found(made.array)
    return i


def _new(m: _Machine, data: bytes, i: int) -> int:
    arguments = m.stack.pop()
    m.stack[-1] = Object(_callable(m.stack[-1]), "new", arguments)
    return i


def _new_ex(m: _Machine, data: bytes, i: int) -> int:
    named, arguments = m.stack.pop(), m.stack.pop()
    made = Object(_callable(m.stack[-1]), "new", arguments)
    if type(named) is not Container or named.count:
        made.arguments = Container("tuple", [arguments, named], 2)
    m.stack[-1] = made
    return i


def _called_with(m: _Machine, target: Node, items: list[Node], count: int) -> None:
    arguments = Container("tuple", items[: m.most_items], count)
    m.stack.append(Object(_callable(target), "call", arguments))


def _inst(m: _Machine, data: bytes, i: int) -> int:
    named, i = _two_lines(m, data, i)
    _called_with(m, named, *m.pop_mark())
    return i


def _obj(m: _Machine, data: bytes, i: int) -> int:
    items, count = m.pop_mark()
    _called_with(m, items[0], items[1:], count - 1)
    return i


def _build(m: _Machine, data: bytes, i: int) -> int:
    state = m.stack.pop()
    made = m.stack[-1]
    named = made.class_of() if type(made) is Object and made.kind != "scalar" else None
    # What may be a wrapper, nobody knows, decides on where the next opcode is.
    if type(made) is not Object or type(named) is not Global or UNKNOWN_NAME in named:
        raise ValueError("a state is set on what is no known object")
    if named in _WRAPPERS and not m.outer and m.stream.method != "compat":
        return _read_array(m, made, state, data, i)
    made.state = state
    settle = _STATEFUL.get(named)
    if settle is not None:
        settle(made)
        if made.array is not None:
            m.found(made.array)
    return i


def _persistent(m: _Machine, data: bytes, i: int) -> int:
    m.stack[-1] = Unknown("persistent id")
    return i


def _no_change(m: _Machine, data: bytes, i: int) -> int:
    if not m.stack:
        raise IndexError
    return i


_BY_CODE: dict[str, _Handler] = {
    "(": _mark,
    ".": _stop,
    "0": _pop,
    "1": _pop_mark,
    "2": _dup,
    "F": _lined("float", float),
    "I": _lined("int", _text_int),
    "J": _number("<i"),
    "K": _binint1,
    "L": _lined("int", _text_long),
    "M": _number("<H"),
    "N": _constant(None),
    "P": _lined("str", lambda line: Unknown("persistent id")),
    "Q": _persistent,
    "R": _reduce,
    "S": _lined("str", _text_string),
    "T": _sized("<i", "str", _latin1),
    "U": _sized("<B", "str", _latin1),
    "V": _lined("str", _text_unicode, "raw-unicode-escape"),
    "X": _sized("<I", "str", _decoded),
    "a": _append,
    "b": _build,
    "c": _global,
    "d": _collected("dict"),
    "}": _empty("dict"),
    "e": _extended("list"),
    "g": _line_indexed(_Machine.recall),
    "h": _indexed(1, _Machine.recall),
    "i": _inst,
    "j": _indexed(4, _Machine.recall),
    "l": _collected("list"),
    "]": _empty("list"),
    "o": _obj,
    "p": _line_indexed(_put),
    "q": _indexed(1, _put),
    "r": _indexed(4, _put),
    "s": _set_item,
    "t": _collected("tuple"),
    ")": _empty("tuple"),
    "u": _extended("dict"),
    "G": _number(">d"),
    "B": _sized("<I", "bytes", _bytes_kept),
    "C": _sized("<B", "bytes", _bytes_kept),
    "\x80": _proto,
    "\x81": _new,
    "\x82": _indexed(1, _extension),
    "\x83": _indexed(2, _extension),
    "\x84": _indexed(4, _extension),
    "\x85": _tuple(1),
    "\x86": _tuple(2),
    "\x87": _tuple(3),
    "\x88": _constant(True),
    "\x89": _constant(False),
    "\x8a": _sized("<B", "int", _integer),
    "\x8b": _sized("<i", "int", _integer),
    "\x8c": _short_text,
    "\x8d": _sized("<Q", "str", _decoded),
    "\x8e": _sized("<Q", "bytes", _bytes_kept),
    "\x8f": _empty("set"),
    "\x90": _extended("set"),
    "\x91": _collected("frozenset"),
    "\x92": _new_ex,
    "\x93": _stack_global,
    "\x94": _memoize,
    "\x95": _frame,
    "\x96": _sized("<Q", "bytearray", _bytearray_kept),
    "\x97": _constant(Unknown("buffer elsewhere")),
    "\x98": _no_change,
}
_HANDLERS = [_BY_CODE.get(chr(code), _unknown_opcode) for code in range(256)]

# Opcodes that may be refused for an argument that the end of the file cut: its bytes, and whether
# it says how many more follow.
_ARGUMENTS = {
    **dict.fromkeys("h\x82", (1, False)),
    "\x8c": (1, True),
    "\x83": (2, False),
    **dict.fromkeys("j\x84", (4, False)),
    "X": (4, True),
    "\x95": (8, False),
    "\x8d": (8, True),
}


def _ends_inside(data: bytes, i: int, end: int) -> bool:
    if not 0 <= i < end:
        return False
    size, counts = _ARGUMENTS.get(chr(data[i]), (0, False))
    after = i + 1 + size
    return after + (int.from_bytes(data[i + 1 : after], "little") if counts else 0) > end
