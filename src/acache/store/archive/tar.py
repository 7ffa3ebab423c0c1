"""A tar archive as a stream of members, read once; headers alone are held in memory.

The standard library's `tarfile` reads a header; what it makes of several of them, which may claim
any size, is done here within bounds. The formats are those of POSIX (pax) and GNU tar.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from typing import Literal, NamedTuple
from zlib import crc32

from acache.store.archive.streams import DamagedArchiveError, Unpacked, Writer

BLOCK = 512  # bytes
_LONGEST_HEADER = 1 << 20  # bytes of names, times and the like
# In a member's comment, which other programs pass over. A damaged result must not be copied before
# the checksum at the end of a compressed archive tells, and a plain archive has none.
_CHECKSUM = re.compile("acache crc32 ([0-9a-f]{8})")
_MOMENT = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9})\d*)?", re.ASCII)
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_OTHERS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
}

Kind = Literal["file", "folder", "other"]


class Member(NamedTuple):
    """What an archive says of one of its members.

    Attributes
    ----------
    name : str
    kind : {"file", "folder", "other"}
    what : str
        What it is, in words.
    size_bytes : int >= 0
    modified_ns, accessed_ns : int
        Unix nanoseconds; both the same where there is one time only.
    checksum : int or None
        CRC-32 of name and content, where `acache copy` has written the archive.
    """

    name: str
    kind: Kind
    what: str
    size_bytes: int
    modified_ns: int
    accessed_ns: int
    checksum: int | None = None


class Content(io.RawIOBase):
    """The content of the member that was read last."""

    def __init__(self, stream: Unpacked, member: Member) -> None:
        super().__init__()
        self._stream = stream
        self._checksum = member.checksum
        self._sum = checksum_of_name(member.name)  # so far
        self.left = member.size_bytes

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes.

        Raises
        ------
        DamagedArchiveError
            If the archive ends before the member does, or this is not what was written.
        """
        size = self.left if size < 0 else min(size, self.left)
        data = self._stream.read(size)
        if len(data) < size:
            raise _cut()
        self.left -= size
        if self._checksum is not None:
            self._sum = crc32(data, self._sum)
            if not self.left and self._sum != self._checksum:
                raise DamagedArchiveError("a file in it is damaged")
        return data


class TarReader:
    """Reads the members of an archive, one after the other.

    Attributes
    ----------
    comment : str or None
        That of the archive, once the first member was read.
    """

    def __init__(self, stream: Unpacked) -> None:
        self._stream = stream
        self.comment: str | None = None

    def __iter__(self) -> Iterator[tuple[Member, Content]]:
        """Yield each member with its content, which can be read until the next one is asked for.

        Raises
        ------
        DamagedArchiveError
            If the archive is damaged, or ends before its own end.
        """
        while (header := self._header()) is not None:
            info, records = header
            member = _member(info, records)
            content = Content(self._stream, member)
            yield member, content
            self._skip(content.left + -member.size_bytes % BLOCK)
        self._stream.finish()

    def _header(self) -> tuple[tarfile.TarInfo, dict[str, str]] | None:
        """Read the headers before a member's content; None at the archive's end."""
        records: dict[str, str] = {}
        while True:
            block = self._stream.read(BLOCK)
            if len(block) < BLOCK:
                raise _cut()
            if not block.strip(b"\0"):
                return None
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError as error:
                raise DamagedArchiveError(f"it is damaged, or no tar archive: {error}") from None
            if info.size < 0:
                raise DamagedArchiveError("it is damaged: a size is negative")
            if not self._adds_to(records, info):
                return info, records

    def _adds_to(self, records: dict[str, str], info: tarfile.TarInfo) -> bool:
        """Read a header that is about the member after it, or the whole archive, if it is one."""
        if info.type == tarfile.XGLTYPE:
            self.comment = _records(self._extra(info)).get("comment", self.comment)
        elif info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            records |= _records(self._extra(info))
        elif info.type == tarfile.GNUTYPE_LONGNAME:
            text = self._extra(info).partition(b"\0")[0]
            records["path"] = text.decode("utf-8", "surrogateescape")
        elif info.type == tarfile.GNUTYPE_LONGLINK:
            self._extra(info)
        elif info.type == tarfile.GNUTYPE_SPARSE or any(map(_is_sparse, records)):
            raise DamagedArchiveError("it holds sparse files, which are not read here")
        else:
            return False
        return True

    def _extra(self, info: tarfile.TarInfo) -> bytes:
        if info.size > _LONGEST_HEADER:
            raise DamagedArchiveError(f"a header of it takes {info.size:,} bytes")
        data = self._stream.read(info.size)
        if len(data) < info.size:
            raise _cut()
        self._skip(-info.size % BLOCK)
        return data

    def _skip(self, size: int) -> None:
        if not self._stream.skip(size):
            raise _cut()


def checksum_of_name(name: str) -> int:
    """Return the checksum of a member that goes on with its content."""
    return crc32(name.encode("utf-8", "surrogateescape"))


def write_comment(writer: Writer, comment: str) -> None:
    """Begin an archive with a comment, which other programs pass over."""
    writer.write(tarfile.TarInfo.create_pax_global_header({"comment": comment}))


def write_header(writer: Writer, member: Member) -> None:
    """Write the header of a regular file; its content and `write_padding` must follow."""
    info = tarfile.TarInfo(member.name)
    info.size, info.mode = member.size_bytes, 0o644
    info.mtime = member.modified_ns // 10**9
    info.pax_headers = {"mtime": _moment(member.modified_ns)}
    if member.accessed_ns != member.modified_ns:
        info.pax_headers["atime"] = _moment(member.accessed_ns)
    if member.checksum is not None:
        info.pax_headers["comment"] = f"acache crc32 {member.checksum:08x}"
    writer.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))


def write_padding(writer: Writer, size_bytes: int) -> None:
    """Fill up the last block of a file."""
    writer.write(bytes(-size_bytes % BLOCK))


def write_end(writer: Writer) -> None:
    """End an archive."""
    writer.write(bytes(2 * BLOCK))


def _member(info: tarfile.TarInfo, records: dict[str, str]) -> Member:
    size = info.size
    if "size" in records:
        if not re.fullmatch(r"\d{1,19}", records["size"], re.ASCII):
            raise DamagedArchiveError("it is damaged: a size is no number")
        size = int(records["size"])
    modified = _nanoseconds(records.get("mtime")) or int(info.mtime) * 10**9
    accessed = _nanoseconds(records.get("atime")) or modified
    name = records.get("path", info.name)
    if info.type == tarfile.DIRTYPE or (info.type == tarfile.AREGTYPE and name.endswith("/")):
        return Member(name, "folder", "a folder", size, modified, accessed)
    if info.type in _REGULAR:
        found = _CHECKSUM.fullmatch(records.get("comment", ""))
        checksum = None if found is None else int(found[1], 16)
        return Member(name, "file", "a file", size, modified, accessed, checksum)
    what = _OTHERS.get(info.type, "of an unknown kind")
    # A link's size is that of what it leads to, in some archives.
    return Member(name, "other", what, 0 if info.type in _OTHERS else size, modified, accessed)


def _records(data: bytes) -> dict[str, str]:
    """Read the records of a pax header: ``LENGTH KEY=VALUE``, each on a line of its own."""
    found = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        digits = data[position:space]
        if space < 0 or not digits.isdigit():
            raise DamagedArchiveError("a header of it is damaged")
        end = position + int(digits)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not (space < end <= len(data) and equals and data[end - 1 : end] == b"\n"):
            raise DamagedArchiveError("a header of it is damaged")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        position = end
    return found


def _is_sparse(key: str) -> bool:
    return key.startswith("GNU.sparse")


def _moment(nanoseconds: int) -> str:
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    return f"{'-' if nanoseconds < 0 else ''}{seconds}.{rest:09}"


def _nanoseconds(text: str | None) -> int | None:
    match = _MOMENT.fullmatch(text or "")
    if match is None:
        return None
    fraction = int((match[2] or "").ljust(9, "0"))
    return int(match[1]) * 10**9 + (-fraction if match[1].startswith("-") else fraction)


def _cut() -> DamagedArchiveError:
    return DamagedArchiveError("it ends too early")
