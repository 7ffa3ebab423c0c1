"""What the engine does for a store beside answering: call log, single flight, limits."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from acache.config.buckets import bucket_in_env, is_bucket, local_copy
from acache.config.limits import Policy, may_be_set
from acache.config.sharing import call_log_from_env, single_flight_from_env
from acache.memory.engine.flight import Flights
from acache.store.call_writer import CallWriter, call_writer
from acache.system.errors import AcacheWarning, UsageError

if TYPE_CHECKING:
    from acache.config.settings import Config
    from acache.memory.engine.limits import Limiter
    from acache.memory.engine.sharing import Sharing

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
    policy : {"lru", "oldest", "largest", "cost"} or None
        What the limits evict first; None if nothing was chosen.
    single_flight : bool
    url : str
        Of the bucket through which results are shared; empty where there is none.
    read_only : bool
        Whether nothing is to be uploaded there.
    allowed : tuple of str
        ``MODULE.NAME`` of what results from there may name, beside what is known to be harmless.
    """

    limits: LimitValues = NO_LIMITS
    policy: Policy | None = None
    single_flight: bool = False
    url: str = ""
    read_only: bool = False
    allowed: tuple[str, ...] = ()


class Services(NamedTuple):
    """What this process has for one store; None where that is not wanted."""

    log: CallWriter | None
    flights: Flights | None
    limiter: Limiter | None
    sharing: Sharing | None


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
    limits, policy = options.limits, options.policy
    if limits == NO_LIMITS:
        limits, default = _limits_of_the_environment(store)
        policy = policy or default
    limiter = None
    if limits != NO_LIMITS:
        from acache.memory.engine.limits import Limiter
        from acache.operations.prune import Limits

        limiter = Limiter(store, Limits(*limits), policy or "lru")
    url = options.url or _url_of_the_environment(store)
    sharing = None
    if url:
        from acache.memory.engine.sharing import Sharing

        sharing = Sharing(store, url, read_only=options.read_only, allowed=options.allowed)
    is_traced = "acache_recorder" in sys.modules  # by `acache run`, which logs the calls itself
    return Services(
        call_writer(store) if call_log_from_env() and not is_traced else None,
        Flights(store) if options.single_flight or single_flight_from_env() else None,
        limiter,
        sharing,
    )


@cache
def _limits_of_the_environment(store: str) -> tuple[LimitValues, Policy | None]:
    """Return the limits that the environment sets, if it is this store for which it does."""
    if not may_be_set():
        return NO_LIMITS, None  # 15 ms of the first call
    from acache.operations.prune import configured_limits, configured_policy

    try:
        config = _config_of(store)
        if config is None:
            return NO_LIMITS, None
        limits: LimitValues = tuple(configured_limits(config))  # type: ignore[assignment]
        return limits, configured_policy(config)
    except UsageError as error:
        # No line of code is at fault, and whose call came first would be a matter of chance.
        warnings.warn_explicit(f"{error}; no limit is kept", AcacheWarning, "<environment>", 1)
        return NO_LIMITS, None


@cache
def _url_of_the_environment(store: str) -> str:
    """Return the bucket that the environment names, if it is this store that goes with it."""
    if not bucket_in_env():
        return ""
    try:
        config = _config_of(store)
    except UsageError:
        return ""
    location = None if config is None else config.location
    return location if location is not None and is_bucket(location) else ""


def _config_of(store: str) -> Config | None:
    """Return what the environment configures, if that is this store.

    Raises
    ------
    UsageError
        If it has no meaning.
    """
    from acache.config.settings import Config

    config = Config.from_env()
    location = local_copy(config.location)
    is_configured = location is not None and os.path.realpath(store) in _stores_at(location)
    return config if is_configured else None


def _stores_at(location: str) -> tuple[str, str]:
    return os.path.realpath(os.path.join(location, "joblib")), os.path.realpath(location)
