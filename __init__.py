"""The structure of a pickle that joblib wrote, read without loading it: nothing in it runs."""

from acache.pickles.compression import DamagedError, MissingPackageError
from acache.pickles.description import Description, describe_file
from acache.pickles.likeness import Likeness
from acache.pickles.literals import PickleError
from acache.pickles.nodes import ArrayInfo, Container, Excerpt, Global, Node, Object, Unknown
from acache.pickles.outline import Line, outline
from acache.pickles.reader import Watcher

__all__ = [
    *("ArrayInfo", "Container", "DamagedError", "Description", "Excerpt", "Global", "Likeness"),
    *("Line", "MissingPackageError", "Node", "Object", "PickleError", "Unknown", "Watcher"),
    *("describe_file", "outline"),
]
