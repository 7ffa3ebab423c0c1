"""The judge of a pickle, who is told what loading it would name, call, set and fill."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterable

from acache.pickles import UNKNOWN_NAME, Global, Object
from acache.pickles.nodes import Node, dotted
from acache.pickles.safety.allowlist import BLANK, VALUES
from acache.pickles.safety.calls import CALLS, HARMLESS
from acache.pickles.safety.rules import arguments_of, is_known
from acache.pickles.safety.states import FILLED, STATES
from acache.system.errors import UsageError
from acache.system.text import printable

_DUNDER = re.compile("__.*__", re.DOTALL)
_MOST_TOLD = 3
_MOST_KEPT = 100
_MOST_EXAMINED = 1000  # values, to tell whether all of them is known

# Of these all that is harmless is listed, so what is not listed is not harmless. With the standard
# library of the Python that runs this come what other versions have, the tests that it leaves out,
# and the packages that are installed with every Python; and whatever begins with a ``_``, as many
# modules of its own do in any version.
_JUDGED = {
    *sys.stdlib_module_names,
    *("numpy", "scipy", "joblib"),
    *("test", "pip", "setuptools", "pkg_resources", "copy_reg", "cPickle"),
    *("aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "crypt", "distutils"),
    *("imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes"),
    *("smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
    *("annotationlib", "compression", "parser", "symbol", "formatter", "macpath"),
    *("xxlimited", "xxlimited_35", "xxsubtype"),
    # What comes with librosa, and returns nothing that is cached.
    *("audioread", "certifi", "cffi", "charset_normalizer", "decorator", "idna", "lazy_loader"),
    *("llvmlite", "msgpack", "packaging", "platformdirs", "pooch", "pycparser", "requests"),
    *("six", "soundfile", "soxr", "standard_aifc", "threadpoolctl", "typing_extensions", "urllib3"),
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
            f"{printable(text)!r} is no MODULE.NAME; write it like pandas.core.frame.DataFrame"
        )
    return text


class Judge:
    """Judges what a pickle would look up and call; to be told while it is followed.

    Parameters
    ----------
    allowed : iterable of str
        ``MODULE.NAME`` of what is trusted beside what is known to be harmless.

    Attributes
    ----------
    unsafe : list of str
        What loading would do that is not known to be harmless, in words. The first hundred.
    doubts : list of str
        What may be harmless, and is too large to be sure. The first hundred.
    unknown : list of str
        Names of packages that nobody here knows. The first hundred.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(allowed)
        self.begin()

    def begin(self) -> None:
        """Begin with another pickle."""
        self.unsafe: list[str] = []
        self.doubts: list[str] = []
        self._examined = 0
        self.unknown: list[str] = []

    def named(self, named: Global, /) -> None:
        """Judge a name."""
        if named in HARMLESS or self._is_allowed(named):
            return
        shown = dotted(named)
        if UNKNOWN_NAME in named:
            self._refuse(f"computes a name: {shown}")
        elif _is_judged(named):
            self._refuse(f"names {shown}")
        elif shown not in self.unknown and len(self.unknown) < _MOST_KEPT:
            self.unknown.append(shown)

    def made(self, made: Object, /) -> None:
        """Judge a call."""
        target = made.target
        if type(target) is not Global:
            self._doubt(made, "calls what it computes")
        elif self._is_own_rule(target) and not _may_be_called(made, target):
            told = f"calls {dotted(target)} in an unusual way"
            if target in VALUES:
                self._refuse(told)
            else:
                self._doubt(made, told)

    def built(self, made: Object, named: Global, /) -> None:
        """Judge a state."""
        if self._is_own_rule(named):
            rule = STATES.get(named)
            if rule is None or not rule(made):
                self._doubt(made, f"sets an unusual state of {dotted(named)}")

    def filled(self, made: Object, /) -> None:
        """Judge that something was filled."""
        named: Node = made.class_of()
        if type(named) is not Global:
            self._refuse("fills what it computes")
        elif self._is_own_rule(named):
            rule = FILLED.get(named)
            if rule is None:
                self._refuse(f"fills {dotted(named)}")
            elif not rule(made):
                self._doubt(made, f"fills {dotted(named)} in an unusual way")

    def told(self) -> str:
        """Say in a line what is unsafe."""
        return _listed(self.unsafe)

    def told_doubts(self) -> str:
        """Say in a line what may be harmless."""
        return _listed(self.doubts)

    def told_unknown(self) -> str:
        """Say in a line what is unknown."""
        return ", ".join(self.unknown)  # all of them: --allow needs each

    def _is_allowed(self, named: Global) -> bool:
        return bool(self._allowed) and f"{named.module}.{named.name}" in self._allowed

    def _is_own_rule(self, named: Global) -> bool:
        """Tell whether there is a rule; whatever has none was judged by its name."""
        return named in HARMLESS and not self._is_allowed(named)

    def _doubt(self, made: Object, reason: str) -> None:
        if reason in self.unsafe:
            return
        self._examined += 1
        if self._examined > _MOST_EXAMINED or is_known(made):
            self._refuse(reason)
        elif reason not in self.doubts and len(self.doubts) < _MOST_KEPT:
            self.doubts.append(reason)

    def _refuse(self, reason: str) -> None:
        if reason not in self.unsafe and len(self.unsafe) < _MOST_KEPT:
            self.unsafe.append(reason)


def _may_be_called(made: Object, target: Global) -> bool:
    if target in BLANK:
        return arguments_of(made) == []
    return target in CALLS and made.made != "new" and CALLS[target](made)


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
    more = len(reasons) - _MOST_TOLD
    return ", ".join(reasons[:_MOST_TOLD]) + (f", and {more} more" if more > 0 else "")
