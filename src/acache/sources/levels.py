"""The caching level of a function: shown by its source, recorded beside the store, or unknown."""

from __future__ import annotations

from acache.sources.decorators import level_in_source
from acache.sources.installed import InstalledSources
from acache.store.format import SOURCE
from acache.store.store import Store


class Levels:
    """The levels of the functions in a store.

    Parameters
    ----------
    store : Store
    installed : InstalledSources
        Asked for functions of which the store has no source.

    Attributes
    ----------
    installed : InstalledSources
    """

    def __init__(self, store: Store, installed: InstalledSources) -> None:
        self.installed = installed
        self._store = store
        self._known: dict[str, int | None] = {}
        self._warnings: list[str] = []
        installed.expect(store.functions)

    @property
    def warnings(self) -> list[str]:
        """What could not be read, each with its path."""
        return [*self._warnings, *self.installed.warnings]

    def __call__(self, function: str) -> int | None:
        """Return the level of a function.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.

        Returns
        -------
        level : int or None
            As the stored source shows it; else as `record_level` left it; else, where there is no
            stored source, as the installed one shows it; None if none of them shows any.
        """
        if function not in self._known:
            self._known[function] = self._look_up(function)
        return self._known[function]

    def _look_up(self, function: str) -> int | None:
        try:
            source = self._store.source(function)
        except OSError as error:
            reason = error.strerror or str(error)
            self._warnings.append(f"cannot read {function}/{SOURCE}: {reason}")
            source = ""
        level = level_in_source(source) if source else None
        if level is None:
            level = self._store.recorded_level(function)
        if level is None and (source is None or not source.strip()):
            level = self.installed.level(function)
        return level
