"""The judge of a pickle, which is called for what loading it would name, call, set and fill."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterable

from acache.pickles.nodes import (
    UNKNOWN_NAME,
    Container,
    Global,
    Node,
    Object,
    dotted,
    whole_tuple,
)
from acache.pickles.safety.allowlist import ALLOWED
from acache.pickles.safety.calls import CALLS, HARMLESS
from acache.pickles.safety.rules import arguments_of, is_known
from acache.pickles.safety.states import (
    STATES,
    WITH_ITEMS,
    WITH_PAIRS,
    executes_unknown_code,
    has_plain_state,
)
from acache.system.errors import UsageError
from acache.system.text import printable

_DUNDER = re.compile("__.*__", re.DOTALL)
_HOOK = re.compile("__(setstate|class|dict|array.*)__", re.DOTALL)
_MOST_SHOWN = 3
_MOST_KEPT = 100
_MOST_EXAMINED = 1000  # values, to know whether all of them is known

# Of these all that is harmless is listed, so what is not listed is not harmless. With the standard
# library of the Python that runs this come what other versions have, the tests that it leaves out,
# and the packages that are installed with every Python; and whatever begins with a ``_``, as many
# modules of its own do in any version.
_JUDGED = {
    *sys.stdlib_module_names,
    *("numpy", "joblib", "test", "pip", "setuptools", "pkg_resources", "copy_reg", "cPickle"),
    *("aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "crypt", "distutils"),
    *("imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes"),
    *("smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
    *("annotationlib", "compression", "parser", "symbol", "formatter", "macpath"),
    *("xxlimited", "xxlimited_35", "xxsubtype"),
}
_BUILTINS = frozenset(dir(builtins))


def parse_allowed(text: str) -> str:
    """Read the name of a class or function that a user trusts.

    Raises
    ------
    UsageError
        If it is not ``MODULE.NAME``.

    Examples
    --------
    >>> parse_allowed("pandas.core.frame.DataFrame")
    'pandas.core.frame.DataFrame'
    """
    parts = text.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise UsageError(
            f"{printable(text)!r} is not MODULE.NAME; write it like pandas.core.frame.DataFrame"
        )
    return text


class Judge:
    """Judges what a pickle would look up and call; the watcher while it is read.

    Parameters
    ----------
    allowed : iterable of str
        ``MODULE.NAME`` of what is trusted beside what is known to be harmless.

    Attributes
    ----------
    unsafe : list of str
        What loading would do that is not known to be harmless, in words: a function that is not
        listed is called, or something is called in an unusual way. The first hundred.
    doubts : list of str
        What may be harmless, and is too large to be sure. The first hundred.
    unknown : list of str
        Names that are not listed, of packages whose harmless names are not all listed. The first
        hundred.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(allowed)
        self.begin()

    def begin(self) -> None:
        """Begin with another pickle."""
        self.unsafe: list[str] = []
        self.doubts: list[str] = []
        self.unknown: list[str] = []
        self._examined = 0

    def named(self, named: Global, /) -> None:
        """Judge a name."""
        if named in HARMLESS or self._is_allowed(named):
            return
        shown = dotted(named)
        if UNKNOWN_NAME in named:
            self._refuse(f"computes a name: {shown}")
        elif _is_judged(named):
            self._refuse(f"names {shown}")
        else:
            _keep(self.unknown, shown)

    def made(self, made: Object, /) -> None:
        """Judge a call."""
        target = made.target
        if type(target) is not Global:
            self._doubt(made, "calls what it computes")
        elif self._is_allowed(target):
            return
        elif target not in HARMLESS:
            if made.made != "new" and not _is_judged(target):
                self._refuse(f"calls {dotted(target)}, which is not known here")
        elif not _may_be_called(made, target):
            reason = f"calls {dotted(target)} in an unusual way"
            if target in ALLOWED["name"]:
                self._refuse(reason)
            else:
                self._doubt(made, reason)

    def built(self, made: Object, named: Global, /) -> None:
        """Judge a state."""
        if self._is_allowed(named):
            return
        shown = dotted(named)
        if executes_unknown_code(made, named):
            self._doubt(made, f"sets code that {shown} runs")
        elif named in HARMLESS:
            if not STATES.get(named, has_plain_state)(made):
                self._doubt(made, f"sets an unusual state of {shown}")
        elif _has_hook(made.state):
            self._refuse(f"replaces a method of {shown}")

    def filled(self, made: Object, keys: list[Node], /) -> None:
        """Judge that something was filled."""
        named = made.class_of()
        if type(named) is not Global:
            self._refuse("fills what it computes")
        elif self._is_allowed(named):
            return
        elif made.settled or any(type(key) is str and _DUNDER.fullmatch(key) for key in keys):
            # Its attributes may hide its methods; and some find attributes among their items.
            if named not in WITH_PAIRS or made.settled:
                self._refuse(f"fills {dotted(named)} in an unusual way")
        elif named in HARMLESS:
            known = made.pairs is None if named in WITH_ITEMS else made.items is None
            if not known or named not in WITH_PAIRS | WITH_ITEMS | ALLOWED["new"]:
                self._refuse(f"fills {dotted(named)}")

    def unsafe_text(self) -> str:
        """Return a line on what is unsafe."""
        return _listed(self.unsafe)

    def doubts_text(self) -> str:
        """Return a line on what may be harmless."""
        return _listed(self.doubts)

    def unknown_text(self) -> str:
        """Return a line on what is unknown."""
        return ", ".join(self.unknown)  # all of them: --allow needs each

    def _is_allowed(self, named: Global) -> bool:
        return bool(self._allowed) and f"{named.module}.{named.name}" in self._allowed

    def _doubt(self, made: Object, reason: str) -> None:
        self._examined += reason not in self.unsafe
        if self._examined > _MOST_EXAMINED or is_known(made):
            self._refuse(reason)
        elif reason not in self.unsafe:
            _keep(self.doubts, reason)

    def _refuse(self, reason: str) -> None:
        _keep(self.unsafe, reason)


def _keep(reasons: list[str], reason: str) -> None:
    if reason not in reasons and len(reasons) < _MOST_KEPT:
        reasons.append(reason)


def _may_be_called(made: Object, target: Global) -> bool:
    given = arguments_of(made)
    if made.made == "new":
        return target in ALLOWED["new"] and given is not None
    if target in CALLS:
        return CALLS[target](made)
    return given is not None and (
        target in ALLOWED["call"] or (target in ALLOWED["new"] and not given)
    )


def _is_judged(named: Global) -> bool:
    parts = named.module.split(".")
    inner = parts[0].startswith("_") and parts[0] != "__main__"
    if inner or parts[0] in _JUDGED or not all(part.isidentifier() for part in parts):
        return True
    if not sys.stdlib_module_names.isdisjoint(parts[1:]) and named.name in _BUILTINS:
        return True  # six.moves.builtins.eval, say
    # A class has the names of those around it before its own. What goes through a module that is
    # imported there, or through what Python itself puts there, ends anywhere.
    path = named.name.split(".")
    return (
        any(_DUNDER.fullmatch(part) or part in sys.stdlib_module_names for part in path)
        or not all(part.isidentifier() for part in path)
        or any(part.islower() for part in path[:-1])
    )


def _listed(reasons: list[str]) -> str:
    more = len(reasons) - _MOST_SHOWN
    return ", ".join(reasons[:_MOST_SHOWN]) + (f", and {more} more" if more > 0 else "")


def _has_hook(state: Node) -> bool:
    """Return whether a state has an attribute that Python or NumPy takes for a method."""
    parts = [state, *(whole_tuple(state) or ())]
    dicts = [part for part in parts if type(part) is Container and part.kind == "dict"]
    return any(
        type(key) is str and _HOOK.fullmatch(key) for part in dicts for key in part.items[::2]
    )
