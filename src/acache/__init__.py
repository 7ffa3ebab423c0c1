"""acache: see and trim the on-disk function caches of librosa and joblib.

>>> from acache import CacheManager, cache
>>> @cache(level=20)
... def stft(y): ...
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself costs as much as half of Python's start
if TYPE_CHECKING:
    from acache.config.settings import Config as Config
    from acache.memory.engine.accelerate import accelerate as accelerate
    from acache.memory.environment import cache as cache
    from acache.memory.manager import CacheManager as CacheManager
    from acache.operations.bench.command import bench as bench
    from acache.operations.bench.results import BenchReport as BenchReport
    from acache.operations.clear import Plan as Plan
    from acache.operations.clear import plan_clear as plan_clear
    from acache.operations.execute import Outcome as Outcome
    from acache.operations.execute import execute as execute
    from acache.operations.ls import Listing as Listing
    from acache.operations.prune import Limits as Limits
    from acache.operations.prune import plan_prune as plan_prune
    from acache.operations.run.command import run as run
    from acache.operations.run.savings import RunReport as RunReport
    from acache.operations.selection import Selection as Selection
    from acache.operations.selection import parse_levels as parse_levels
    from acache.operations.stats import StatsReport as StatsReport
    from acache.operations.stats import stats as stats
    from acache.operations.verify.store import VerifyReport as VerifyReport
    from acache.operations.verify.store import plan_removal as plan_removal
    from acache.operations.verify.store import verify as verify
    from acache.sources.installed import InstalledSources as InstalledSources
    from acache.sources.levels import Levels as Levels
    from acache.sources.staleness import Drift as Drift
    from acache.store.ids import parse_entry_id as parse_entry_id
    from acache.store.model import Entry as Entry
    from acache.store.store import Store as Store
    from acache.system.errors import AcacheError as AcacheError
    from acache.system.errors import AcacheWarning as AcacheWarning
    from acache.system.errors import ConfigurationError as ConfigurationError
    from acache.system.errors import UsageError as UsageError

__version__ = "0.1.0"

# Where each public name lives: importing acache must cost nothing (PEP 562).
_HOMES = {
    "AcacheError": "system.errors",
    "AcacheWarning": "system.errors",
    "BenchReport": "operations.bench.results",
    "CacheManager": "memory.manager",
    "Config": "config.settings",
    "ConfigurationError": "system.errors",
    "Drift": "sources.staleness",
    "Entry": "store.model",
    "InstalledSources": "sources.installed",
    "Levels": "sources.levels",
    "Limits": "operations.prune",
    "Listing": "operations.ls",
    "Outcome": "operations.execute",
    "Plan": "operations.clear",
    "RunReport": "operations.run.savings",
    "Selection": "operations.selection",
    "StatsReport": "operations.stats",
    "Store": "store.store",
    "UsageError": "system.errors",
    "VerifyReport": "operations.verify.store",
    "accelerate": "memory.engine.accelerate",
    "bench": "operations.bench.command",
    "cache": "memory.environment",
    "execute": "operations.execute",
    "parse_entry_id": "store.ids",
    "parse_levels": "operations.selection",
    "plan_clear": "operations.clear",
    "plan_prune": "operations.prune",
    "plan_removal": "operations.verify.store",
    "run": "operations.run.command",
    "stats": "operations.stats",
    "verify": "operations.verify.store",
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
    if _HOMES[name].startswith("operations."):
        from acache.operations.notebook import show_by

        show_by(_html)
    return value


def _html(report: object) -> str:
    """Write a report as a notebook shows it."""
    from acache.render.html.notebook import notebook_html

    return notebook_html(report)


def __dir__() -> list[str]:
    """List the public names too."""
    return sorted({*globals(), *_HOMES})
