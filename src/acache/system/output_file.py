"""Files for reports, opened before the work so that one that cannot be written is found first."""

from __future__ import annotations

import contextlib
import os
import stat
from types import TracebackType

from acache.system.errors import AcacheError, UsageError
from acache.system.text import printable


class OutputFile:
    """A file that can be written to; it keeps its content until the report is written.

    A context manager: where nothing was written, a file that it made is removed.

    Parameters
    ----------
    path : str
        A file, new or not, or a pipe.
    option : str
        The option that gave the path, for the message.

    Raises
    ------
    UsageError
        If it cannot be written to.
    """

    def __init__(self, path: str, *, option: str) -> None:
        self._path = path
        self._made = not os.path.lexists(path)
        try:
            # Of a pipe, it does not wait for a reader.
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._descriptor = os.open(path, flags, 0o666)
            os.set_blocking(self._descriptor, True)
        except OSError as error:
            name = printable(path)
            raise UsageError(f"{option} {name!r} cannot be written: {error.strerror}") from None

    def write(self, content: str | bytes) -> None:
        """Replace what the file holds; text becomes UTF-8 with a line break at its end.

        Raises
        ------
        AcacheError
            If it cannot be written, as the disk is full for instance.
        """
        data = content if isinstance(content, bytes) else f"{content}\n".encode()
        try:
            # A file by its name, as the work may have removed or replaced it meanwhile.
            is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            with open(self._path if is_file else self._descriptor, "wb", closefd=is_file) as file:
                file.write(data)
        except OSError as error:
            name = printable(self._path)
            raise AcacheError(f"{name} cannot be written: {error.strerror}") from None
        self._made = False

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
        if self._made:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
