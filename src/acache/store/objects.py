"""Objects below a prefix of a bucket: one class over obstore, with errors as those of files.

Credentials and endpoints are those that the provider's own tools take from the environment. They
appear in no message: of what a server answers, only its status is repeated.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, BinaryIO, NamedTuple, ParamSpec, TypeVar, cast

from acache.config.buckets import allows_http, bucket_url, has_aws_key
from acache.system.errors import ConfigurationError

_INSTALL = "a store on object storage needs obstore: pip install 'acache[remote]'"
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Z][A-Za-z ]{0,40})?)")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_REASONS = (
    ("NoSuchBucket", "there is no such bucket"),
    ("security-credentials", "no credentials were found"),
    ("latest/api/token", "no credentials were found"),
    ("token request", "no credentials were found"),
    ("MissingAccount", "no account is named: set AZURE_STORAGE_ACCOUNT_NAME"),
    ("MissingSecretAccessKey", "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
    ("MissingAccessKeyId", "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"),
    ("InvalidAccessKey", "the account key of the environment is not valid"),
    ("DecodeCredentials", "the file of credentials is not valid"),
    ("OpenCredentials", "the file of credentials cannot be opened"),
    ("InvalidUri", "the endpoint that the environment names is not a URL"),
    ("MissingRegion", "no region is named: set AWS_REGION"),
    ("URL scheme is not allowed", "its endpoint is not encrypted: set AWS_ALLOW_HTTP=true"),
    ("timed out", "no answer in time"),
    ("TimedOut", "no answer in time"),
    ("error sending request", "the server cannot be reached"),
    ("Connect", "the server cannot be reached"),
)
_BUFFER_BYTES = 1 << 20
_PART_BYTES = 32 << 20
_LARGE = 64 << 20
_PAGE = 1000
_runtime: dict[str, int] = {}  # the process in which obstore has started its threads

P = ParamSpec("P")
R = TypeVar("R")


def is_usable() -> bool:
    """Return whether this process may make requests.

    obstore has threads of its own, which a fork leaves behind: a request would wait for them.
    """
    return _runtime.get("process") in (None, os.getpid())


class ObjectStatus(NamedTuple):
    """What a listing says of an object.

    Attributes
    ----------
    key : str
        Below the prefix, ``/`` between its parts.
    size_bytes : int >= 0
    modified : float
        When it was written, Unix seconds.
    """

    key: str
    size_bytes: int
    modified: float


class BucketError(OSError):
    """The server cannot be reached, or refuses."""


class RefusedError(BucketError, PermissionError):
    """The server does not allow a request."""


def _translated(function: Callable[P, R]) -> Callable[P, R]:
    """Have a method raise `OSError` alone."""

    @wraps(function)
    def method(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except FileNotFoundError as error:
            if "NoSuchBucket" not in str(error):
                raise FileNotFoundError(errno.ENOENT, "there is no such object") from None
            raise _bucket_error(error) from None
        except BaseException as error:
            # Of an endpoint that is no URL obstore panics, which is no Exception.
            is_panic = type(error).__name__ == "PanicException"
            if isinstance(error, BucketError) or not (is_panic or isinstance(error, Exception)):
                raise
            if "416 Range Not Satisfiable" in str(error):
                raise FileNotFoundError(errno.ENOENT, "the object is empty") from None
            raise _bucket_error(error) from None

    return method


class Objects:
    """The objects below a URL.

    Parameters
    ----------
    url : str
        ``s3://BUCKET/PREFIX``; see `acache.config.buckets.bucket_url`.
    timeout : float > 0
        Seconds that one request may take.
    retries : int >= 0
        How often a request that failed is sent again.

    Raises
    ------
    UsageError
        If the URL is not valid.
    ConfigurationError
        If obstore is not installed, or the environment is not valid.
    """

    def __init__(self, url: str, *, timeout: float = 60.0, retries: int = 3) -> None:
        self.url = bucket_url(url)
        try:
            import obstore
            from obstore.store import from_url
        except ModuleNotFoundError:
            raise ConfigurationError(f"{self.url}: {_INSTALL}") from None
        _runtime.setdefault("process", os.getpid())
        self._obstore = obstore
        options = {
            "timeout": timedelta(seconds=timeout),
            "connect_timeout": timedelta(seconds=min(timeout, 5.0)),
        }
        if allows_http(self.url):
            options["allow_http"] = cast("Any", True)
        try:
            self._store = from_url(
                self.url,
                client_options=cast("Any", options),
                retry_config={
                    "max_retries": retries,
                    "retry_timeout": timedelta(seconds=timeout * (retries + 1)),
                },
                **_credentials(self.url),
            )
        except Exception as error:
            raise ConfigurationError(f"{self.url}: {_reason(error)}") from None

    @property
    def starts_anywhere(self) -> bool:
        """Whether the server can begin a listing at any key, rather than at the first alone."""
        return not self.url.startswith("az:")

    def pages(self, below: str = "", *, after: str = "") -> Iterator[list[ObjectStatus]]:
        """List objects, a page at a time, in the order of their keys.

        Parameters
        ----------
        below : str
            Only those whose keys begin with this and ``/``.
        after : str
            Only those whose keys are greater.

        Raises
        ------
        BucketError
            At any page.
        """
        pages = self._listing(below, after)
        while page := self._page(pages):
            yield [
                ObjectStatus(one["path"], one["size"], one["last_modified"].timestamp())
                for one in page
            ]

    @_translated
    def _listing(self, below: str, after: str) -> Any:
        return self._obstore.list(
            self._store, below or None, offset=after or None, chunk_size=_PAGE
        )

    @_translated
    def _page(self, pages: Any) -> Any:
        return next(pages, None)

    @_translated
    def children(self, below: str = "") -> tuple[Sequence[str], list[str]]:
        """Return the keys of the next folders below a key, and of the objects beside them."""
        found = self._obstore.list_with_delimiter(self._store, below or None)
        return found["common_prefixes"], [one["path"] for one in found["objects"]]

    @_translated
    def status(self, key: str) -> ObjectStatus:
        """Return what a listing would say of an object.

        Raises
        ------
        FileNotFoundError
            If there is none; as all methods do that read one.
        """
        meta = self._obstore.head(self._store, key)
        return ObjectStatus(key, meta["size"], meta["last_modified"].timestamp())

    @_translated
    def read(self, key: str, *, limit: int) -> bytes:
        """Read a whole object, unless it is larger than a limit.

        Raises
        ------
        OSError
            With `errno.EFBIG`, if it is.
        """
        got = self._obstore.get(self._store, key)
        if got.meta["size"] > limit:
            raise BucketError(errno.EFBIG, f"larger than {limit:,} bytes")
        return bytes(got.bytes())

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading from any position; a request for each megabyte."""
        return cast("BinaryIO", io.BufferedReader(_ObjectFile(self, key), _BUFFER_BYTES))

    @_translated
    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Read a part of an object."""
        if not length:
            return b""
        return bytes(self._obstore.get_range(self._store, key, start=start, length=length))

    @_translated
    def download(self, key: str, path: str, *, found: Callable[[], None]) -> None:
        """Write the content of an object to a new file, whose folder is made if need be.

        No request takes longer than its part of a large object does. `found` is called once the
        server has answered that there is such an object.
        """
        got = self._obstore.get(self._store, key, options={"range": (0, _PART_BYTES)})
        found()
        size = got.meta["size"]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb", buffering=0) as file:
            for piece in got.stream(min_chunk_size=_BUFFER_BYTES):
                file.write(piece)
            for start in range(_PART_BYTES, size, _PART_BYTES):
                end = min(start + _PART_BYTES, size)
                file.write(self._obstore.get_range(self._store, key, start=start, end=end))

    def holds(self, key: str) -> bool:
        """Return whether there is an object of that key."""
        try:
            self.status(key)
        except FileNotFoundError:
            return False
        return True

    @_translated
    def write(self, key: str, data: bytes | BinaryIO, *, overwrite: bool = True) -> bool:
        """Write an object: whole, or not at all.

        Parameters
        ----------
        key : str
        data : bytes or file
            A file from its beginning.
        overwrite : bool
            Whether to replace an object that is there.

        Returns
        -------
        written : bool
            False if one was there; where the server does not honour the condition, it is replaced.
        """
        if not overwrite and _size_of(data) > _LARGE:
            # It is uploaded in parts, which cannot carry the condition.
            if self.holds(key):
                return False
            overwrite = True
        try:
            if overwrite:
                self._obstore.put(self._store, key, data)
            else:
                self._obstore.put(self._store, key, data, mode="create", use_multipart=False)
        except self._obstore.exceptions.AlreadyExistsError:
            return False
        return True

    @_translated
    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, up to a thousand by one request; one that is gone is no error."""
        if keys:
            with contextlib.suppress(FileNotFoundError):
                self._obstore.delete(self._store, list(keys))


class _ObjectFile(io.RawIOBase):
    """Reads an object by requests for parts of it."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects = objects
        self._key = key
        self._size = objects.status(key).size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = max(min(len(buffer), self._size - self._position), 0)
        data = self._objects.read_range(self._key, self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _size_of(data: bytes | BinaryIO) -> int:
    if isinstance(data, bytes):
        return len(data)
    size = data.seek(0, os.SEEK_END)
    data.seek(0)
    return size


def _credentials(url: str) -> dict[str, Any]:
    """Return what else names the user: a profile of the AWS tools, if boto3 can read it."""
    if not url.startswith("s3:") or has_aws_key():
        return {}
    try:
        from boto3.session import Session
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return {}
    session = Session()
    if session.get_credentials() is None:
        return {}
    region = session.region_name
    return {
        "credential_provider": Boto3CredentialProvider(session),
        **({} if region is None else {"region": region}),
    }


def _bucket_error(error: BaseException) -> BucketError:
    if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        return RefusedError(errno.EACCES, _reason(error))
    return BucketError(errno.EIO, _reason(error))


def _reason(error: BaseException) -> str:
    """Describe an error in a few words, none of which is a key, a token or a URL."""
    text = str(error)
    for sign, reason in _REASONS:
        if sign in text:
            return reason
    found = _CODE.search(text) or _STATUS.search(text)
    name = type(error).__name__.removesuffix("Error")
    return f"the server answered {found[1]}" if found else f"the request failed ({name})"
