"""The caching level of a function: shown by its source, recorded beside the store, or unknown."""

from __future__ import annotations

import os

from acache.sources.decorators import level_in_source
from acache.sources.installed import InstalledSources
from acache.store.format import SOURCE, dotted
from acache.store.local import Store
from acache.system.dirfd import read_file

_LONGEST_LEVEL = 32  # bytes


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
            level = _recorded(self._store.location, function)
        if level is None and (source is None or not source.strip()):
            level = self.installed.level(function)
        return level


def record_level(location: str, function: str, level: int) -> None:
    """Keep the level of a function whose source does not show it.

    It goes into ``LOCATION/.acache/levels/FUNCTION``, the function id dotted: one decimal number.
    Where that cannot be written, nothing happens: the function's level is then shown as unknown.

    Parameters
    ----------
    location : str
    function : str
        Function id, ``/`` between its parts.
    level : int
    """
    if _recorded(location, function) == level:
        return
    import tempfile

    folder = os.path.join(location, ".acache", "levels")
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{level}\n")
            # mkstemp's files are for the owner alone; others that share the store may read this.
            os.chmod(temporary, 0o644)
            os.replace(temporary, os.path.join(folder, dotted(function)))
        except OSError:
            os.unlink(temporary)
    except OSError:
        pass


def _recorded(location: str, function: str) -> int | None:
    path = os.path.join(location, ".acache", "levels", dotted(function))
    try:
        return int(read_file(path, limit=_LONGEST_LEVEL))
    except (OSError, ValueError):
        return None
