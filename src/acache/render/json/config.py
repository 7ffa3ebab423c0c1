"""The JSON document of ``acache config``."""

from __future__ import annotations

from acache.config.settings import Config
from acache.render.json.document import document

_KEYS = ("name", "variable", "value", "origin", "raw", "effect", "ok")


def config_document(config: Config) -> str:
    """Write every setting."""
    settings = [{key: getattr(one, key) for key in _KEYS} for one in config.settings]
    return document("config", {"settings": settings})
