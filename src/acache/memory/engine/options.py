"""What the engine does for a store beside answering: call log, single flight, limits."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from acache.config.limits import may_be_set
from acache.config.sharing import call_log_from_env, single_flight_from_env
from acache.memory.engine.flight import Flights
from acache.store.call_writer import CallWriter, call_writer
from acache.system.errors import AcacheWarning, UsageError

if TYPE_CHECKING:
    from acache.memory.engine.limits import Limiter

ATTRIBUTE = "_acache_options"  # of a cached function, if its cache was made with some

# In the order of `acache.operations.prune.Limits`, which takes 20 ms to import.
LimitValues = tuple[int | None, int | None, float | None, int | None]
NO_LIMITS: LimitValues = (None, None, None, None)


class Options(NamedTuple):
    """What a cache was made with. It goes with its functions into other processes.

    Attributes
    ----------
    limits : tuple
        The fields of `acache.operations.prune.Limits`.
    single_flight : bool
    """

    limits: LimitValues = NO_LIMITS
    single_flight: bool = False


class Services(NamedTuple):
    """What this process has for one store; None where that is not wanted."""

    log: CallWriter | None
    flights: Flights | None
    limiter: Limiter | None


def services_of(owner: Any, store: str) -> Services:
    """Return what a cached function uses.

    Parameters
    ----------
    owner : joblib.memory.MemorizedFunc
    store : str
        Path of the store.
    """
    return _services(os.path.abspath(store), vars(owner).get(ATTRIBUTE) or Options())


@cache
def _services(store: str, options: Options) -> Services:
    limits = options.limits
    if limits == NO_LIMITS:
        limits = _limits_of_the_environment(store)
    limiter = None
    if limits != NO_LIMITS:
        from acache.memory.engine.limits import Limiter
        from acache.operations.prune import Limits

        limiter = Limiter(store, Limits(*limits))
    is_traced = "acache_recorder" in sys.modules  # by `acache run`, which logs the calls itself
    return Services(
        call_writer(store) if call_log_from_env() and not is_traced else None,
        Flights(store) if options.single_flight or single_flight_from_env() else None,
        limiter,
    )


@cache
def _limits_of_the_environment(store: str) -> LimitValues:
    """Return the limits that the environment sets, if it is this store for which it does."""
    if not may_be_set():
        return NO_LIMITS  # 15 ms of the first call
    from acache.config.settings import Config
    from acache.operations.prune import configured_limits

    try:
        config = Config.from_env()
        location = config.cache_dir.value
        if location is None or os.path.realpath(store) not in _stores_at(str(location)):
            return NO_LIMITS
        return tuple(configured_limits(config))  # type: ignore[return-value]
    except UsageError as error:
        # No line of code is at fault, and whose call came first would be a matter of chance.
        warnings.warn_explicit(f"{error}; no limit is kept", AcacheWarning, "<environment>", 1)
        return NO_LIMITS


def _stores_at(location: str) -> tuple[str, str]:
    return os.path.realpath(os.path.join(location, "joblib")), os.path.realpath(location)
