"""A decorator in the manner of librosa's, over a memory that the script sets."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from joblib import Memory

# Set by write_store.py before any other module of this package is imported.
memory: Memory | None = None
maximum_level = 40


def cache(level: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Cache a function in `memory` if its level is not above the maximum."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if memory is None or level > maximum_level:
            return function
        cached = memory.cache(function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return cached(*args, **kwargs)

        return wrapper

    return decorate
