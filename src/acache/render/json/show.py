"""The JSON document of ``acache show``."""

from __future__ import annotations

from typing import Any

from acache.config.settings import Config
from acache.operations.show import EntryDetails, FunctionDetails, Value
from acache.render.json.document import document, text, totals
from acache.render.json.ls import entry
from acache.store.format import dotted


def show_document(details: EntryDetails | FunctionDetails, config: Config) -> str:
    """Write all about an entry or a function."""
    content = _entry(details) if isinstance(details, EntryDetails) else _function(details)
    return document("show", {**content, "warnings": [*config.warnings(), *details.warnings]})


def _entry(details: EntryDetails) -> dict[str, Any]:
    return {
        **entry(details.listed),
        "args": details.listed.arguments,
        "source_state": details.source_state,
        "value": None if details.value is None else _value(details.value),
    }


def _value(value: Value) -> dict[str, Any]:
    return {
        "type": value.type,
        "compression": value.compression,
        "arrays": [{**array._asdict(), "shape": list(array.shape)} for array in value.arrays],
        "outline": [line._asdict() for line in value.lines],
    }


def _function(details: FunctionDetails) -> dict[str, Any]:
    return {
        "function": text(dotted(details.function)),
        "level": details.level,
        **totals(details.totals),
        "source": details.source,
        "source_state": details.comparison.state,
        "installed_source": details.comparison.installed,
    }
