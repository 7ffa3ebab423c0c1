"""How a call's arguments are put to a function's parameters, as joblib's `filter_args` does it.

What is put together here decides which calls share a fingerprint, so whatever joblib treats in its
own way (positional-only parameters, a name that is ignored but does not exist, an argument too
many) is not put together at all: joblib's hash decides, or raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

_NO_DEFAULTS: dict[str, Any] = {}
_FOLLOWED = ("__wrapped__", "__signature__")  # what inspect.signature prefers to the code


class Parameters(NamedTuple):
    """The parameters of a function, as far as joblib's hash depends on them.

    Attributes
    ----------
    code : CodeType or None
        Whose parameters they are; None for a callable that joblib cannot inspect.
    names : tuple of str
        Positional ones, then those that are keyword-only.
    positional : int >= 0
        How many of the names can be given by position.
    varargs, varkw : bool
        Whether there is a ``*args``, a ``**kwargs``.
    ignored : tuple of str
    kept : tuple of int or None
        Positions of what is not ignored, in the list that `bind` makes; None if nothing is ignored.
    """

    code: CodeType | None
    names: tuple[str, ...]
    positional: int
    varargs: bool
    varkw: bool
    ignored: tuple[str, ...]
    kept: tuple[int, ...] | None

    @property
    def slots(self) -> list[str]:
        """Names of the values that `bind` returns, as joblib's `filter_args` has them."""
        more = [name for name, taken in (("*", self.varargs), ("**", self.varkw)) if taken]
        return [name for name in (*self.names, *more) if name not in self.ignored]


def parameters_of(function: Callable[..., Any], ignored: Sequence[str] = ()) -> Parameters | None:
    """Return the parameters of a function; None where joblib's own hash must decide.

    Parameters
    ----------
    function : callable
    ignored : sequence of str
        Names that make no difference, ``*`` and ``**`` among them.
    """
    if isinstance(function, MethodType) or isinstance(ignored, str):
        return None
    if not isinstance(function, FunctionType):
        return None if ignored else Parameters(None, (), 0, True, True, (), None)
    if follows_another(function):
        return None
    code = function.__code__
    if code.co_posonlyargcount:
        return None
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[:count]
    if not _defaults_come_last(function, names):
        return None
    varargs = bool(code.co_flags & inspect.CO_VARARGS)
    varkw = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    slots = [*names, *(["*"] if varargs else []), *(["**"] if varkw else [])]
    if len(set(ignored)) < len(ignored) or not set(ignored) <= set(slots):
        return None
    kept = tuple(i for i, name in enumerate(slots) if name not in ignored) if ignored else None
    return Parameters(code, names, code.co_argcount, varargs, varkw, tuple(ignored), kept)


def recorded_order(parameters: Parameters, function: Any) -> list[str] | None:
    """Return the slots of parameters in the order in which joblib records their values.

    Those with a default come first. None where joblib's own code must tell.
    """
    names = parameters.names
    if parameters.code is None or (parameters.varargs and len(names) > parameters.positional):
        return None
    first = len(names) - len(function.__defaults__ or ()) - len(function.__kwdefaults__ or ())
    order = (*names[first:], *names[:first], "*", "**")
    slots = parameters.slots
    return [name for name in order if name in slots]


def follows_another(function: FunctionType) -> bool:
    """Return whether `inspect.signature` shows other parameters than those of the code."""
    attributes = function.__dict__
    return bool(attributes) and any(name in attributes for name in _FOLLOWED)


def _defaults_come_last(function: FunctionType, names: tuple[str, ...]) -> bool:
    # Before joblib 1.6 the defaults of other functions went to the wrong parameters.
    optional = {*(function.__kwdefaults__ or ())}
    positional = function.__code__.co_argcount
    optional.update(names[positional - len(function.__defaults__ or ()) : positional])
    last = names[len(names) - len(optional) :]
    return optional == set(last)


def bind(  # noqa: C901, PLR0912 - in one piece, as it runs in each hit
    parameters: Parameters,
    function: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> list[Any] | None:
    """Return the values of all parameters that are not ignored; None for a wrong call.

    The defaults are those at this very call: they change without the function's source.

    Parameters
    ----------
    parameters : Parameters
    function : callable
    args : tuple
    kwargs : mapping of str to object

    Returns
    -------
    values : list or None
        One for each name, then the list of further positional arguments and the dict of further
        keyword arguments, where the function takes them.
    """
    _, names, positional, varargs, varkw, _, kept = parameters
    given = len(args)
    values = list(args[:positional])
    used = 0
    if given < positional:
        defaults = function.__defaults__ or ()
        first = positional - len(defaults)
        for index in range(given, positional):
            name = names[index]
            if name in kwargs:
                values.append(kwargs[name])
                used += 1
            elif index >= first:
                values.append(defaults[index - first])
            else:
                return None
    elif given > positional and (not varargs or len(names) > positional):
        return None  # wrong, or (*args with keyword-only parameters) an error before joblib 1.6
    if len(names) > positional:
        defaults_by_name = function.__kwdefaults__ or _NO_DEFAULTS
        for name in names[positional:]:
            if name in kwargs:
                values.append(kwargs[name])
                used += 1
            elif name in defaults_by_name:
                values.append(defaults_by_name[name])
            else:
                return None
    if varargs:
        values.append(list(args[positional:]))
    if varkw:
        rest = {name: value for name, value in kwargs.items() if name not in names}
        used += len(rest)
        values.append(rest)
    if used != len(kwargs):
        return None  # given twice, or of an unknown name
    return values if kept is None else [values[index] for index in kept]
