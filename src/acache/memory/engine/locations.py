"""Locations on object storage, for every `joblib.Memory` that is accelerated."""

from __future__ import annotations

from typing import Any

from joblib.memory import Memory

from acache.config.buckets import bucket_url, is_bucket, local_location
from acache.memory.engine.options import ATTRIBUTE, Options

_joblib_init = Memory.__init__
_joblib_cache = Memory.cache


def _init(self: Any, location: Any = None, *args: Any, **kwargs: Any) -> None:
    # Other backends of joblib have locations of their own.
    if is_bucket(location) and (args[0] if args else kwargs.get("backend", "local")) == "local":
        url = bucket_url(location)
        setattr(self, ATTRIBUTE, Options(url=url))
        location = local_location(url)
    _joblib_init(self, location, *args, **kwargs)


def _cache(self: Any, func: Any = None, *args: Any, **kwargs: Any) -> Any:
    cached = _joblib_cache(self, func, *args, **kwargs)
    options = vars(self).get(ATTRIBUTE)
    if options is not None and ATTRIBUTE not in getattr(cached, "__dict__", {ATTRIBUTE: None}):
        setattr(cached, ATTRIBUTE, options)
    return cached


MEMORY_METHODS: dict[str, Any] = {"__init__": _init, "cache": _cache}
