"""Recording of joblib's cached calls, in the process that makes them: a line for each.

What `install` is given gets each finished call; `lines` writes it for a trace, `log` into the log
of the store's calls.

The names are those of ``joblib/memory.py`` and ``joblib/_store_backends.py``, 1.3 to 1.6; where one
is missing, what it would show is left out. Only the standard library, Python 3.8 or newer.
"""

# joblib has no types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import contextlib
import functools
import os
import sys
from contextvars import ContextVar
from time import perf_counter, time

_HASHING, _LOADING, _COMPUTING, _STORING = range(4)
_LONGEST_HASHING = 0.05  # seconds: of a call that took longer, arguments are not hashed once more
_LONGEST_ERROR = 500
_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect takes long to import

# A context belongs to a thread, and in asyncio to a task.
_current: ContextVar[_Call | None] = ContextVar("acache_call", default=None)


class _Call:
    """A cached call that is going on; what it is at, and since when."""

    __slots__ = (
        "answered", "arguments", "at", "bytes_loaded", "bytes_stored", "computed", "dropped",
        "error", "fast", "function", "given", "owner", "phase", "reason", "seconds", "since",
        "texts", "token",
    )  # fmt: skip

    def __init__(self, owner):
        self.owner = owner
        self.function = getattr(owner, "func_id", "")
        self.arguments = ""
        self.answered = False
        self.computed = False
        self.fast = False  # made by the fast engine, which may go on in joblib's own code
        self.bytes_loaded = 0
        self.bytes_stored = 0
        self.reason = "absent"
        self.dropped = None  # entries and bytes that joblib removed, as the source had changed
        self.error = ""  # joblib's warning about a write that failed
        self.given = None  # arguments, of a call that stored its result
        self.texts = {}  # the repr of each, as joblib made it
        self.at = time()
        self.seconds = [0.0, 0.0, 0.0, 0.0]
        self.token = _current.set(self)
        self.phase = _LOADING  # looking it up belongs to that
        self.since = perf_counter()

    def turn_to(self, phase):
        now = perf_counter()
        self.seconds[self.phase] += now - self.since
        self.since = now
        before, self.phase = self.phase, phase
        return before

    def is_at(self, backend, call_ids):
        """Return whether the store is asked about this call, not about one that it makes."""
        return (
            self.owner.store_backend is backend
            and bool(call_ids)
            # joblib's next version may divide the hash.
            and tuple(call_ids[0][:1]) == (self.function,)
            and "".join(call_ids[0][1:]) == self.arguments
        )

    def size(self):
        try:
            folder = os.path.join(self.owner.store_backend.location, self.function)
            name = self.arguments
            for parts in ((name,), (name[:3], name[3:])):  # this layout of joblib's, and the next
                path = os.path.join(folder, *parts, "output.pkl")
                if os.path.exists(path):
                    return os.stat(path).st_size
        except Exception:
            pass
        return 0

    def end(self, finished):
        """Report it, unless it was neither answered nor computed: its arguments were wrong."""
        self.turn_to(self.phase)
        with contextlib.suppress(ValueError):  # a coroutine that another context closes
            _current.reset(self.token)
        if not (self.answered or self.computed):
            return
        if self.fast and not self.computed and not self.bytes_loaded:
            self.bytes_loaded = self.size()
        with contextlib.suppress(Exception):
            finished(self)

    def store(self):
        return os.path.abspath(os.fsdecode(self.owner.store_backend.location))

    def function_id(self):
        return self.function.replace(os.sep, "/")


def lines(call):
    """Write a call as a line of a trace, after lines about what happened beside it."""
    names = (call.store(), call.function_id(), call.arguments)
    events = []
    if call.dropped is not None and call.dropped[0]:
        events.append(("dropped", *map(_escaped, names[:2]), *map(str, call.dropped)))
    if call.answered and call.computed and call.phase == _STORING:
        message = " ".join(call.error.split())[:_LONGEST_ERROR]
        if message or not call.bytes_stored:
            events.append(("failed", *map(_escaped, (*names[:2], message))))
    before = "".join("\t".join(event) + "\n" for event in events)
    numbers = "\t%.7f\t%.7f\t%.7f\t%.7f" % tuple(call.seconds)  # noqa: UP031 - faster
    sizes = f"\t{call.bytes_loaded}\t{call.bytes_stored}\n"
    outcome = "miss" if call.computed else "hit"
    text = "\t".join(map(_escaped, names))
    return os.fsencode(f"{before}{outcome}\t{text}{numbers}{sizes}")


def log(call, writer):
    """Write a call into the log of its store's calls, with a `CallWriter`."""
    hashing, loading, _, _ = call.seconds
    if not call.computed:
        writer.hit(
            call.at,
            call.function_id(),
            call.arguments,
            hash_seconds=hashing,
            load_seconds=loading,
            bytes_loaded=call.bytes_loaded,
        )
        return
    writer.miss(
        call.at,
        call.function_id(),
        call.arguments,
        call.reason,
        tuple(call.seconds),
        bytes_loaded=call.bytes_loaded,
        bytes_stored=call.bytes_stored,
        error=call.error
        or ("" if call.bytes_stored or not call.answered else "joblib could not write it"),
        arguments=_fingerprinted(call),
    )


def _fingerprinted(call):
    """List name, fingerprint and repr of each argument; joblib hashes them one by one."""
    if call.given is None or call.seconds[_HASHING] > _LONGEST_HASHING:
        return [(name, "", text) for name, text in call.texts.items()]
    memory = sys.modules["joblib.memory"]
    values = memory.filter_args(call.owner.func, call.owner.ignore, *call.given)
    fingerprint = memory.hashing.hash
    return [(name, "m" + fingerprint(values[name]), text) for name, text in call.texts.items()]


def _escaped(name):
    if "\\" in name:
        name = name.replace("\\", "\\\\")
    if name.isprintable():
        return name
    return name.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def install(memory, finished):
    """Patch the classes of `memory`, so that `finished` gets each call that has ended."""
    cached = memory.MemorizedFunc
    before = "_before_call" in vars(cached)  # since joblib 1.4; before that, call() computes
    for kind in (cached, getattr(memory, "AsyncMemorizedFunc", None)):
        _patch(kind, "__call__", _recorded, finished)
        _patch(kind, "call_and_shelve", _recorded, finished)
    _patch(getattr(memory, "AsyncMemorizedFunc", None), "call", _recorded, finished)
    _patch(cached, "call", _forced, finished, not before)
    _patch(cached, "_get_args_id", _hashed)
    if "_get_args_id" not in vars(cached):
        _patch(cached, "_get_output_identifiers", _hashed)
    _patch(cached, "_before_call", _computing)
    _patch(cached, "clear", _cleared)
    _patch(cached, "_persist_input", _described)
    for kind in memory.FileSystemStoreBackend.__mro__:
        _patch(kind, "load_item", _loaded)
        _patch(kind, "dump_item", _dumped)
        _patch(kind, "clear_item", _expired)
        names = vars(sys.modules[kind.__module__])
        if "warnings" in names:
            names["warnings"] = _Warnings(names["warnings"])


def install_engine(methods, async_methods, caller, finished):
    """Have the methods that acache's fast engine puts in the place of joblib's report calls too.

    Parameters
    ----------
    methods, async_methods : dict
        By name; they are changed.
    caller : type
        Names calls: `acache.memory.engine.callers.Caller`.
    finished : callable
    """
    for table in (methods, async_methods):
        if "__call__" in table:
            table["__call__"] = _recorded(table["__call__"], finished, fast=True)
        if "_load_item" in table:  # which does not ask joblib's store
            table["_load_item"] = _loaded_fast(table["_load_item"])
    caller.argument_hash = _hashed_fast(caller.argument_hash)


def _loaded_fast(method):
    def traced(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except Exception:
            call = _current.get()
            if call is not None and call.owner is self and not call.computed:
                call.reason = "unreadable"
            raise

    return traced


def _hashed_fast(method):
    def traced(self, owner, *args):
        call = _current.get()
        if call is None or call.owner is not owner or call.phase == _COMPUTING:
            return method(self, owner, *args)
        before = call.turn_to(_HASHING)
        try:
            call.arguments = method(self, owner, *args)
        finally:
            call.turn_to(before)
        call.function = self.function.name.replace("/", os.sep)
        return call.arguments

    return traced


def _patch(kind, name, wrap, *arguments):
    method = vars(kind).get(name) if kind is not None else None
    if method is not None and hasattr(method, "__code__"):
        setattr(kind, name, functools.wraps(method)(wrap(method, *arguments)))


def _recorded(method, finished, fast=False):
    """Make a call of the method a recorded one."""

    def goes_on(self):
        outer = _current.get()
        return outer is not None and outer.owner is self and outer.fast and not outer.computed

    def traced(self, *args, **kwargs):
        if goes_on(self):
            return method(self, *args, **kwargs)
        call = _Call(self)
        call.fast = fast
        try:
            result = method(self, *args, **kwargs)
            call.answered = True
            return result
        finally:
            call.end(finished)

    async def awaited(self, *args, **kwargs):
        if goes_on(self):
            return await method(self, *args, **kwargs)
        call = _Call(self)
        call.fast = fast
        try:
            result = await method(self, *args, **kwargs)
            call.answered = True
            return result
        finally:
            call.end(finished)

    return awaited if method.__code__.co_flags & _COROUTINE else traced


def _forced(method, finished, computes):
    """Record ``call()``, which computes in any case, but as part of a call that goes on already."""

    def traced(self, *args, **kwargs):
        outer = _current.get()
        if outer is not None and outer.owner is self and not outer.computed:
            outer.computed = computes
            return method(self, *args, **kwargs)
        call = _Call(self)
        call.reason = "forced"
        call.computed = computes
        try:
            result = method(self, *args, **kwargs)
            call.computed = True
            return result
        finally:
            call.end(finished)

    return traced


def _hashed(method):
    def traced(self, *args, **kwargs):
        call = _current.get()
        if call is None or call.owner is not self or call.phase == _COMPUTING:
            return method(self, *args, **kwargs)
        before = call.turn_to(_HASHING)
        try:
            names = method(self, *args, **kwargs)
        finally:
            # Before joblib 1.4, call() hashes once more and then computes.
            computes = call.computed and before == _LOADING
            call.turn_to(_COMPUTING if computes else before)
        if isinstance(names, str):
            call.arguments = names
        else:
            call.function, *parts = names
            call.arguments = "".join(parts)
        return names

    return traced


def _computing(method):
    def traced(self, *args, **kwargs):
        method(self, *args, **kwargs)
        call = _current.get()
        if call is not None and call.owner is self and not call.computed:
            call.computed = True
            call.turn_to(_COMPUTING)

    return traced


def _loaded(method):
    def traced(self, *args, **kwargs):
        call = _current.get()
        if call is None or not call.is_at(self, args):
            return method(self, *args, **kwargs)
        before = call.turn_to(_LOADING)
        reason, call.reason = call.reason, "unreadable"
        try:
            item = method(self, *args, **kwargs)
            call.reason = reason
        finally:
            call.turn_to(before)
        call.bytes_loaded = call.size()
        return item

    return traced


def _dumped(method):
    def traced(self, *args, **kwargs):
        call = _current.get()
        if call is None or not call.is_at(self, args):
            return method(self, *args, **kwargs)
        call.computed = True
        call.turn_to(_STORING)  # to the end of the call: what was called with is stored then
        result = method(self, *args, **kwargs)
        call.bytes_stored = call.size()
        return result

    return traced


class _Warnings:
    """The module `warnings` for joblib's store backends; keeps why a write has failed."""

    def __init__(self, module):
        self._module = getattr(module, "_module", module)

    def __getattr__(self, name):
        return getattr(self._module, name)

    def warn(self, message, category=None, stacklevel=1, **options):
        call = _current.get()
        if call is not None and call.phase == _STORING:
            call.error = str(message)
        self._module.warn(message, category, stacklevel + 1, **options)


def _cleared(method):
    """Note what joblib removes because the source of a function has changed."""

    def traced(self, *args, **kwargs):
        call = _current.get()
        if call is not None and call.owner is self and call.phase == _LOADING:
            call.reason = "source-changed"
            call.dropped = _held(call)
        return method(self, *args, **kwargs)

    return traced


def _held(call):
    """Count the results of a function, and their bytes."""
    count = size = 0
    for folder, _, files in os.walk(os.path.join(call.store(), call.function)):
        if "output.pkl" in files:
            with contextlib.suppress(OSError):
                size += os.stat(os.path.join(folder, "output.pkl")).st_size
                count += 1
    return count, size


def _expired(method):
    def traced(self, *args, **kwargs):
        call = _current.get()
        if call is not None and call.phase == _LOADING and call.is_at(self, args):
            call.reason = "expired"  # the validation callback's word
        return method(self, *args, **kwargs)

    return traced


def _described(method):
    """Keep the arguments that joblib records, and the texts that it makes of them."""

    def traced(self, *args, **kwargs):
        metadata = method(self, *args, **kwargs)
        call = _current.get()
        if call is not None and call.owner is self and len(args) >= 2:
            call.given = args[-2:]
            call.texts = dict(metadata["input_args"])
        return metadata

    return traced
