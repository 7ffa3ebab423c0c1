"""The structure of a pickle that joblib wrote, told without loading it: nothing in it runs.

The opcodes are those of ``Lib/pickle.py`` (protocols 0 to 5), done to symbols; the arrays between
them are those of ``NumpyArrayWrapper`` in ``joblib/numpy_pickle.py``, versions 0.10 to 1.6.

Whoever checks a pickle relies on this: what joblib would read as an opcode is read as an opcode
here, and as the same one. Where that cannot be told, reading ends with an error.
"""

from acache.pickles.compression import DamagedError, MissingPackageError
from acache.pickles.description import Description, describe_file
from acache.pickles.likeness import Likeness
from acache.pickles.literals import PickleError
from acache.pickles.nodes import (
    UNKNOWN_NAME,
    ArrayInfo,
    Container,
    Excerpt,
    Global,
    Node,
    Object,
    Unknown,
)
from acache.pickles.outline import Line, outline
from acache.pickles.reader import Watcher

__all__ = [
    "UNKNOWN_NAME",
    "ArrayInfo",
    "Container",
    "DamagedError",
    "Description",
    "Excerpt",
    "Global",
    "Likeness",
    "Line",
    "MissingPackageError",
    "Node",
    "Object",
    "PickleError",
    "Unknown",
    "Watcher",
    "describe_file",
    "outline",
]
