"""acache: see and trim the on-disk function caches of librosa and joblib.

>>> from acache import CacheManager, cache
>>> @cache(level=20)
... def stft(y): ...
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself costs as much as half of Python's start
if TYPE_CHECKING:
    from acache.config import Config as Config
    from acache.drift import Drift as Drift
    from acache.environment import cache as cache
    from acache.errors import AcacheError as AcacheError
    from acache.errors import AcacheWarning as AcacheWarning
    from acache.errors import ConfigurationError as ConfigurationError
    from acache.errors import UsageError as UsageError
    from acache.eviction import Limits as Limits
    from acache.eviction import plan_prune as plan_prune
    from acache.execution import Outcome as Outcome
    from acache.execution import execute as execute
    from acache.installed import InstalledSources as InstalledSources
    from acache.levels import Levels as Levels
    from acache.listing import Listing as Listing
    from acache.manager import CacheManager as CacheManager
    from acache.names import parse_entry_id as parse_entry_id
    from acache.plans import Plan as Plan
    from acache.plans import plan_clear as plan_clear
    from acache.query import Selection as Selection
    from acache.query import parse_levels as parse_levels
    from acache.records import Entry as Entry
    from acache.report import StatsReport as StatsReport
    from acache.report import stats as stats
    from acache.store import Store as Store
    from acache.verification import VerifyReport as VerifyReport
    from acache.verification import plan_removal as plan_removal
    from acache.verification import verify as verify

__version__ = "0.1.0"

# Where each public name lives: importing acache must cost nothing (PEP 562).
_HOMES = {
    "AcacheError": "errors",
    "AcacheWarning": "errors",
    "CacheManager": "manager",
    "Config": "config",
    "ConfigurationError": "errors",
    "Drift": "drift",
    "Entry": "records",
    "InstalledSources": "installed",
    "Levels": "levels",
    "Limits": "eviction",
    "Listing": "listing",
    "Outcome": "execution",
    "Plan": "plans",
    "Selection": "query",
    "StatsReport": "report",
    "Store": "store",
    "UsageError": "errors",
    "VerifyReport": "verification",
    "cache": "environment",
    "execute": "execution",
    "parse_entry_id": "names",
    "parse_levels": "query",
    "plan_clear": "plans",
    "plan_prune": "eviction",
    "plan_removal": "verification",
    "stats": "report",
    "verify": "verification",
}

__all__ = [  # noqa: PLE0604 - the names are strings
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too."""
    return sorted({*globals(), *_HOMES})
