"""The JSON document of ``acache bench``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acache.config.engine import Engine
from acache.operations.bench.comparison import Comparison
from acache.operations.bench.results import BenchReport, LevelResult, Measurement
from acache.render.json.document import document, iso, text


def bench_document(report: BenchReport, comparisons: Sequence[Comparison] | None = None) -> str:
    """Write a benchmark, and how it compares with an earlier one."""
    best = report.recommended
    started = report.environment["started"]
    assert isinstance(started, float)
    content: dict[str, Any] = {
        "command": [text(word) for word in report.command],
        "runs": report.rounds,
        "environment": {**report.environment, "started": iso(started)},
        "off": _measurement(report.off),
        "levels": [_level(row) for row in report.levels],
        "recommended_level": best and best.level,
        "recommended_engine": best and _engine(best.engine),
        "warnings": [*report.warnings],
    }
    if comparisons is not None:
        content["comparison"] = [_comparison(one) for one in comparisons]
    return document("bench", content)


def _comparison(one: Comparison) -> dict[str, Any]:
    return {
        "level": one.level,
        "engine": None if one.level is None else _engine(one.engine),
        "before_seconds": one.before,
        "now_seconds": one.now,
        "ratio": one.ratio,
        "ratio_ci": None if one.interval is None else [*one.interval],
        "more_than_noise": not one.is_noise,
    }


def _level(row: LevelResult) -> dict[str, Any]:
    held = row.held.entries
    return {
        "level": row.level,
        "engine": _engine(row.engine),
        "cold": _measurement(row.cold),
        "warm": _measurement(row.warm),
        "speedup": row.speedup,
        "speedup_ci": None if row.interval is None else [*row.interval],
        "entries": held.entries,
        "size_bytes": held.size_bytes,
        "disk_bytes": held.disk_bytes,
        "hits": None if row.calls is None else row.calls.hits,
        "misses": None if row.calls is None else row.calls.misses,
        "same_output": row.same_output,
        "break_even_runs": row.break_even_runs,
    }


def _engine(engine: Engine | None) -> Engine:
    return engine or "joblib"


def _measurement(measured: Measurement) -> dict[str, Any]:
    return {
        "times": measured.times,
        **measured.summary._asdict(),
        "user": measured.user,
        "system": measured.system,
        "max_rss_bytes": measured.max_rss_bytes,
    }
