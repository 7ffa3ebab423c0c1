"""The classes and functions that loading a pickle may name without running anything.

Each stands here by itself, as the module that pickle writes and the name in it; never does a whole
package: ``numpy.testing._private.utils.runstring`` runs a string. What is called has a rule of its
own, in `acache.pickles.safety.calls`.

The names are those in the ``__reduce__`` of CPython 3.9 to 3.14, NumPy 1.x and 2.x, SciPy, joblib.
"""

from __future__ import annotations

from collections.abc import Iterable

from acache.pickles import Global
from acache.pickles.arrays import TUPLES

CORES = ("numpy.core", "numpy._core")  # of NumPy 1.x, of NumPy 2.x


def listed(modules: Iterable[str], names: str) -> set[Global]:
    """Write pairs of each module and each name."""
    return {Global(module, name) for module in modules for name in names.split()}


# NumPy's array and its subclasses, which have no state but ndarray's. To name memmap does nothing,
# to call it opens a file.
ARRAYS = {
    *listed(["numpy"], "ndarray matrix memmap recarray chararray"),
    *listed(["numpy.matrixlib.defmatrix"], "matrix"),
    *listed(["numpy.rec", *(f"{core}.records" for core in CORES)], "recarray"),
    *listed(["numpy.char", *(f"{core}.defchararray" for core in CORES)], "chararray"),
    *listed([f"{core}.memmap" for core in CORES], "memmap"),
}
MASKED = listed(["numpy.ma", "numpy.ma.core"], "MaskedArray")

# Named as values: as the class of an array, as what a defaultdict makes, as what a function
# returned. Nothing calls them.
VALUES = {
    *ARRAYS,
    *MASKED,
    *listed(["builtins"], "int float str bool dict list tuple Ellipsis NotImplemented"),
    *TUPLES,
    Global("zoneinfo", "ZoneInfo"),
    # The classes of NumPy's scalars, as dtype=numpy.float32 names them.
    *listed(
        ["numpy"],
        "bool bool_ int8 int16 int32 int64 intc int_ intp longlong long uint8 uint16 uint32 uint64"
        " uintc uint uintp ulonglong ulong float16 float32 float64 float128 half single double"
        " longdouble complex64 complex128 complex256 csingle cdouble clongdouble datetime64"
        " timedelta64 str_ bytes_ void object_ number integer floating complexfloating generic",
    ),
    *listed(["numpy", "numpy.rec", *(f"{core}.records" for core in CORES)], "record"),
}

# Classes whose instances are made without arguments (object.__new__), and then get attributes.
_SPARSE = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
_SERIES = (
    *(("polynomial", "Polynomial"), ("chebyshev", "Chebyshev"), ("legendre", "Legendre")),
    *(("laguerre", "Laguerre"), ("hermite", "Hermite"), ("hermite_e", "HermiteE")),
)
RESULTS = listed(["scipy.optimize", "scipy.optimize._optimize"], "OptimizeResult")
BLANK = {
    Global("builtins", "object"),
    *listed(["collections"], "OrderedDict ChainMap UserDict UserList"),
    Global("types", "SimpleNamespace"),
    Global("uuid", "UUID"),
    *RESULTS,
    *listed(["numpy", "numpy.lib.polynomial", "numpy.lib._polynomial_impl"], "poly1d"),
    *(Global(f"numpy.polynomial.{module}", name) for module, name in _SERIES),
    # Its attributes are checked where it is read: see acache.pickles.arrays.read_array. Not so the
    # NDArrayWrapper of joblib before 0.10, which loads another file.
    Global("joblib.numpy_pickle", "NumpyArrayWrapper"),
    *(
        Global(f"scipy.sparse.{underscore}{kind}", f"{kind}_{form}")
        for kind in _SPARSE
        for underscore in ("_", "")  # since SciPy 1.8, before
        for form in ("matrix", "array")
    ),
}


# What failed, as a function may return it. Those that Unicode's and groups' ones check is left out.
ERRORS = listed(
    ["builtins"],
    "ArithmeticError AssertionError AttributeError BufferError DeprecationWarning EOFError"
    " Exception FileExistsError FileNotFoundError FloatingPointError FutureWarning IndexError"
    " InterruptedError IsADirectoryError KeyError LookupError MemoryError NameError"
    " NotADirectoryError NotImplementedError OSError OverflowError PermissionError"
    " ReferenceError RuntimeError RuntimeWarning StopIteration SyntaxWarning TimeoutError TypeError"
    " UserWarning ValueError Warning ZeroDivisionError",
)
