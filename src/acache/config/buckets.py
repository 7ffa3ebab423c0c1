"""Locations on object storage: which texts name one, and where their local copies are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from acache.system.errors import ConfigurationError, UsageError

URL_FORM = "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"

_URL = re.compile(r"(?P<scheme>s3|gs|az)://(?P<bucket>[^/?#@]+)(?:/(?P<prefix>[^?#]*))?", re.ASCII)
_ANY_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://", re.ASCII)
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def is_bucket(location: object) -> bool:
    """Return whether a location is on object storage: ``s3://``, ``gs://`` or ``az://``.

    Examples
    --------
    >>> [is_bucket(text) for text in ("s3://team/cache", "/data/cache", "s3/cache")]
    [True, False, False]
    """
    return isinstance(location, str) and location.startswith(("s3://", "gs://", "az://"))


def is_url(location: object) -> bool:
    """Return whether a location has the form of a URL: on object storage, or a mistake.

    Examples
    --------
    >>> [is_url(text) for text in ("s3://team/cache", "gcs://team/cache", "/data/cache")]
    [True, True, False]
    """
    return isinstance(location, str) and _ANY_URL.match(location) is not None


def bucket_url(location: str) -> str:
    """Return the URL of a location on object storage, without empty parts.

    Parameters
    ----------
    location : str
        ``SCHEME://BUCKET/PREFIX``, of Amazon S3 and what speaks its language (``s3``), Google
        Cloud Storage (``gs``) or Azure Blob Storage (``az``). The prefix may be left out.

    Raises
    ------
    UsageError
        If it has another form. It holds no credentials: they are taken from the environment.

    Examples
    --------
    >>> bucket_url("s3://team/cache//audio/")
    's3://team/cache/audio'
    """
    match = _URL.fullmatch(location)
    parts = [] if match is None else [part for part in (match["prefix"] or "").split("/") if part]
    if match is None or ".." in parts or "." in parts or not location.isprintable():
        raise UsageError(f"{without_secrets(location)!r} is no location; {URL_FORM}")
    return "/".join([f"{match['scheme']}://{match['bucket']}", *parts])


def without_secrets(location: str) -> str:
    """Return a location without a user name, a password or a query, which may be secrets."""
    scheme, separator, rest = location.partition("://")
    if not separator:
        return location
    host, slash, path = rest.partition("/")
    path = re.split(r"[?#]", path)[0]
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def bucket_in_env(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether any variable names a location on object storage."""
    return any(map(is_bucket, (os.environ if environ is None else environ).values()))


def allows_http(url: str, environ: Mapping[str, str] | None = None) -> bool:
    """Return whether the endpoint that the environment names is one without encryption.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    environ = os.environ if environ is None else environ
    for variable in _ENDPOINTS[url.partition(":")[0]]:
        if endpoint := environ.get(variable):
            if not _is_server(endpoint):
                raise ConfigurationError(
                    f"{variable}={without_secrets(endpoint)!r} is no endpoint;"
                    " write http://HOST:PORT or https://HOST"
                )
            return endpoint.startswith("http://")
    return False


def _is_server(endpoint: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # as of a port that is no number
        return False


def has_aws_key(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether the environment itself holds a key, rather than a profile of the AWS tools."""
    return "AWS_ACCESS_KEY_ID" in (os.environ if environ is None else environ)


def local_copy(location: str | None) -> str | None:
    """Return where the results of a location are kept on this machine; see `local_location`."""
    return local_location(location) if location is not None and is_bucket(location) else location


def local_location(url: str, environ: Mapping[str, str] | None = None) -> str:
    """Return where the results of a bucket are kept on this machine, if nothing else is said.

    That is a folder in ``acache`` of the user's cache folder: ``XDG_CACHE_HOME``, or ``~/.cache``.
    """
    environ = os.environ if environ is None else environ
    caches = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(caches, "acache", _UNSAFE.sub("-", url))
