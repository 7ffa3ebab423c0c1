"""The levelled cache, as librosa has it. Here alone joblib is imported, when one is first used."""

from __future__ import annotations

import inspect
import operator
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from acache.config.buckets import bucket_url, is_url, local_location
from acache.config.effects import DEFAULT_LEVEL
from acache.config.engine import Engine, check_engine, engine_from_env
from acache.config.limits import Age, Policy, Size, check_policy, read_limits
from acache.sources.decorators import level_in_source
from acache.store.levels import record_level
from acache.system.errors import AcacheWarning, UsageError

if TYPE_CHECKING:
    import joblib

    from acache.memory.engine.options import Options

F = TypeVar("F", bound=Callable[..., Any])

# What a cached function carries, as those of functools.lru_cache do.
_CONTROLS = ("cache_info", "cache_clear", "cache_key", "cache_forget", "cache_why")
_LONGEST_HEADER = 200  # lines of decorators that are looked through for the level


class CacheManager:
    """A cache of function results on disk, with levels: `joblib.Memory` and a filter.

    Parameters
    ----------
    location : str, pathlib.Path or None
        Where results are stored; None switches caching off. As in joblib, a str gets a folder
        ``joblib`` inside, a `pathlib.Path` is the store itself. With a URL, such as
        ``s3://BUCKET/PREFIX``, results are kept in `local` and shared through the bucket.
    level : int
        Functions of this level and below are cached.
    engine : {"fast", "joblib"}, optional
        What answers cached calls: the fast engine, or joblib's own code. Both use the same store.
        By default what ``ACACHE_ENGINE`` says, or else the fast one.
    max_size : int >= 0 or str, optional
        Room for all entries, in bytes or as in ``"10GB"``. The fast engine keeps this and the other
        limits by itself; without any, those of ``LIBROSA_CACHE_MAX_SIZE`` and its kin, where the
        location is that of ``LIBROSA_CACHE_DIR``.
    max_items : int >= 0 or str, optional
        Number of entries.
    max_age : float >= 0 or str, optional
        Time since the last use, in seconds or as in ``"30d"``.
    min_free : int >= 0 or str, optional
        Room to be free on the disk.
    policy : {"lru", "oldest", "largest", "cost"}, optional
        What the limits evict first: what was used least recently (the default), was written first,
        is largest, or costs least to compute again for each byte, as in ``acache prune``. Where the
        limits are those of the environment, ``LIBROSA_CACHE_POLICY`` is the default.
    single_flight : bool
        Whether the fast engine computes a result once where several processes want it at once;
        ``ACACHE_SINGLE_FLIGHT=1`` asks for it too.
    local : str or os.PathLike, optional
        Where the results of a bucket are kept on this machine; the limits are those of this place.
        By default a folder of the bucket's own in ``~/.cache/acache``.
    read_only : bool
        Whether to take results from the bucket, and to upload none.
    allow : sequence of str
        ``MODULE.NAME`` of classes and functions that are trusted in results of the bucket. Others
        are judged as ``acache verify --strict`` judges them: a result whose pickle names what is
        not known to be harmless is computed instead.
    **memory_options
        Options of `joblib.Memory`: ``mmap_mode``, ``compress``, ``verbose``, ``backend``,
        ``backend_options``.

    Attributes
    ----------
    level : int
    engine : str
    memory : joblib.Memory
        Made when it is first used.

    Raises
    ------
    UsageError
        If there is no such engine or policy, a limit or a URL is not valid, or `local`, `read_only`
        or `allow` is given without a URL.

    Notes
    -----
    Behaves as ``librosa.cache`` does, and its entries are those of `joblib.Memory`: either reads
    what the other has written.

    A cached function carries ``cache_info()`` (hits, misses and seconds saved in this process),
    ``cache_clear()`` (removes all its entries), ``cache_key(*args)`` (entry id),
    ``cache_forget(*args)`` (removes that entry), ``cache_why(*args)`` (whether the call would be a
    hit, and if not, why) and ``__wrapped__``.

    Examples
    --------
    >>> import tempfile
    >>> from acache import CacheManager
    >>> cache = CacheManager(tempfile.mkdtemp(), level=20, verbose=0)
    >>> @cache(level=20)
    ... def square(x):
    ...     return x * x
    >>> square(3), square(3)
    (9, 9)
    >>> square.cache_info().hits, square.cache_why(4).reason
    (1, 'argument')
    >>> @cache(level=30)
    ... def cube(x):
    ...     return x**3
    >>> cube.__name__, hasattr(cube, "__wrapped__")
    ('cube', False)
    """

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        *,
        level: int = DEFAULT_LEVEL,
        engine: Engine | None = None,
        max_size: Size | None = None,
        max_items: Size | None = None,
        max_age: Age | None = None,
        min_free: Size | None = None,
        policy: Policy | None = None,
        single_flight: bool = False,
        local: str | os.PathLike[str] | None = None,
        read_only: bool = False,
        allow: Sequence[str] = (),
        **memory_options: Any,
    ) -> None:
        self.level = level
        self.engine = _default_engine() if engine is None else check_engine(engine)
        self._limits = read_limits(max_size, max_items, max_age, min_free)
        self._policy = None if policy is None else check_policy(policy)
        self._single_flight = single_flight
        if self.engine != "fast" and (single_flight or any(n is not None for n in self._limits)):
            _warn("limits and single_flight are ignored: only engine='fast' has them")
        self._url = ""
        self._read_only = read_only
        self._allowed = _checked_names(allow)
        if is_url(location):
            self._url = bucket_url(str(location))
            location = local_location(self._url) if local is None else os.fspath(local)
            if self.engine != "fast":
                _warn(f"{self._url} is ignored: only engine='fast' shares results")
        elif local is not None or read_only or allow:
            raise UsageError(
                "local, read_only and allow go with a location such as s3://BUCKET/PREFIX"
            )
        if location is not None and not isinstance(location, str):
            location = Path(location)  # joblib takes no other path-like object
        self._location = location
        self._options = memory_options
        self._recorded: dict[str, int] = {}
        self._memory: joblib.Memory | None = None

    @property
    def memory(self) -> joblib.Memory:
        """The `joblib.Memory` behind this cache."""
        if self._memory is None:
            self._memory = self._make_memory()
        return self._memory

    @memory.setter
    def memory(self, memory: joblib.Memory) -> None:
        self._memory = memory
        self._location = memory.location

    def __call__(
        self,
        level: int,
        *,
        ignore: Sequence[str] | None = None,
        verbose: int | None = None,
        **options: Any,
    ) -> Callable[[F], F]:
        """Return a decorator that caches a function of a level.

        Parameters
        ----------
        level : int
            The function is cached if the level of the cache is at least this.
        ignore : sequence of str, optional
            Names of arguments that make no difference to the result.
        verbose : int >= 0, optional
            How much joblib prints, instead of what the cache was made with.
        **options
            ``mmap_mode`` and ``cache_validation_callback`` as in `joblib.Memory.cache`.

        Returns
        -------
        decorator : callable
            Returns the function itself while caching is off, or if the level is too high.

        Raises
        ------
        TypeError
            If the level is no int; most often because the parentheses were forgotten.
        """
        try:
            level = operator.index(level)
        except TypeError:
            message = f"a cached function's level is an int, not {level!r}: @cache(level=20)"
            raise TypeError(message) from None
        unknown = options.keys() - {"mmap_mode", "cache_validation_callback"}
        if unknown:
            raise TypeError(f"cache() has no option {min(unknown)!r}")

        def decorator(function: F) -> F:
            if self._location is None or self.level < level or self.memory.store_backend is None:
                return function
            ignored = None if ignore is None else list(ignore)
            cached = self.memory.cache(function, ignore=ignored, verbose=verbose, **options)
            cached = self._answered(cached)
            self._record_level(function, level)
            return _as_function(function, cached)

        return decorator

    def __repr__(self) -> str:
        return f"{type(self).__name__}(location={self._location!r}, level={self.level})"

    def clear(self, *args: Any, **kwargs: Any) -> None:
        """Remove every entry, as `joblib.Memory.clear` does."""
        self.memory.clear(*args, **kwargs)
        # In a store that is the location itself, the recorded levels lay beside the functions.
        for function, level in self._recorded.items():
            record_level(self._expanded(), function, level)

    def eval(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate a function through the cache, as `joblib.Memory.eval` does."""
        return self.memory.eval(*args, **kwargs)

    def format(self, *args: Any, **kwargs: Any) -> Any:
        """Format an object, as `joblib.Memory.format` does."""
        return self.memory.format(*args, **kwargs)

    def reduce_size(self, *args: Any, **kwargs: Any) -> None:
        """Evict entries, as `joblib.Memory.reduce_size` does."""
        self.memory.reduce_size(*args, **kwargs)

    def warn(self, *args: Any, **kwargs: Any) -> None:
        """Log a warning, as `joblib.Memory.warn` does."""
        self.memory.warn(*args, **kwargs)

    def _make_memory(self) -> joblib.Memory:
        from acache.memory.engine.engine import FastMemory, JoblibMemory

        if self.engine != "fast":
            return JoblibMemory(self._location, **self._options)
        memory = FastMemory(self._location, **self._options)
        memory.have(self._services())
        return memory

    def _answered(self, cached: Callable[..., Any]) -> Callable[..., Any]:
        """Have the engine answer the function, also of a memory that somebody else made."""
        from acache.memory.engine.engine import counted, fast

        answered: Callable[..., Any]
        answered = fast(cached, self._services()) if self.engine == "fast" else counted(cached)
        return answered

    def _services(self) -> Options:
        from acache.memory.engine.options import Options

        return Options(
            self._limits,
            self._policy,
            self._single_flight,
            self._url,
            self._read_only,
            self._allowed,
        )

    def _record_level(self, function: Callable[..., Any], level: int) -> None:
        """Keep the level beside the store, unless the source that joblib stores shows it."""
        if _shown_level(function) == level:
            return
        from joblib.func_inspect import get_func_name

        modules, name = get_func_name(function)
        function_id = "/".join([*modules, name])
        self._recorded[function_id] = level
        record_level(self._expanded(), function_id, level)

    def _expanded(self) -> str:
        return os.path.expanduser(os.fspath(self._location or ""))


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    from acache.pickles.safety import parse_allowed

    return tuple(map(parse_allowed, [names] if isinstance(names, str) else names))


def _default_engine() -> Engine:
    try:
        return engine_from_env() or "fast"
    except UsageError as error:
        _warn(f"{error}; fast is taken")
        return "fast"


def _warn(text: str) -> None:
    # No line of code is at fault, and whose import came first would be a matter of chance.
    warnings.warn_explicit(text, AcacheWarning, "<environment>", 1)


def _shown_level(function: Callable[..., Any]) -> int | None:
    """Find the level that a function's decorators show, reading no further than its name."""
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    import linecache

    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :][:_LONGEST_HEADER]
    return level_in_source("".join(lines))


def _as_function(function: F, cached: Callable[..., Any]) -> F:
    """Wrap joblib's callable object into a function with the signature of the original.

    As a function it works as a method too, and a wrong call raises the TypeError that it should.
    """
    if not inspect.isfunction(function):
        return cast("F", cached)  # a callable object stays one
    from decorator import FunctionMaker

    wrapped = FunctionMaker.create(
        function,
        "return _acache_cached_(%(shortsignature)s)",
        # decorator makes a coroutine function of what is named _call_ if that is one.
        {"_acache_cached_": cached, "_call_": function},
        __wrapped__=function,
    )
    wrapped.__qualname__ = function.__qualname__
    for name in _CONTROLS:
        if hasattr(cached, name):  # what is no function of joblib's carries none
            setattr(wrapped, name, getattr(cached, name))
    return cast("F", wrapped)
