"""Reports in a notebook: a real one is run by nbconvert, and its outputs are read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor

import acache
from acache import Selection, Store, plan_clear, verify
from acache.operations import notebook
from tests.helpers.html import Page
from tests.helpers.large_store import write_large_store
from tests.helpers.stores import write_entry

SCRIPT = """
import sys, time
import acache
@acache.cache(level=20)
def slow(number):
    time.sleep(0.01)
    return number
print(slow(1) + slow(2))
"""
PRELUDE = """
import acache, os, sys
os.environ["LIBROSA_CACHE_DIR"] = {location!r}
store = acache.Store({location!r})
config = acache.Config.from_env(level=30)
"""
CELLS = {
    "StatsReport": "acache.stats(store, acache.Levels(store, acache.InstalledSources()))",
    "VerifyReport": "acache.verify(store)",
    "Plan": "acache.plan_prune(store, acache.Limits(max_items=5))",
    "RunReport": "acache.run([{script!r}], config=config)",
    "BenchReport": "acache.bench([{script!r}], levels=[10, 30], runs=3, warmup=0)",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run a notebook with a cell for each report, and return the HTML that each shows."""
    folder = tmp_path_factory.mktemp("notebook")
    location, script = write_large_store(folder / "cache", functions=8, each=5), folder / "s.py"
    script.write_text(f"import sys\nsys.path[:0] = {sys.path!r}\n{SCRIPT}")
    names = {"location": str(location), "script": str(script)}
    sources = [PRELUDE, *CELLS.values()]
    cells = [nbformat.v4.new_code_cell(source.format(**names)) for source in sources]
    made = nbformat.v4.new_notebook(cells=cells)
    run = ExecutePreprocessor(timeout=300, kernel_name="python3")
    run.preprocess(made, {"metadata": {"path": str(folder)}})
    if target := os.environ.get("ACACHE_TEST_NOTEBOOK"):  # to be looked at
        Path(target).write_text(HTMLExporter().from_notebook_node(made)[0], encoding="utf-8")
    outputs = [_html(cell.outputs) for cell in made.cells[1:]]
    page, _ = HTMLExporter().from_notebook_node(made)
    assert page.count("<caption>") == sum(one.count("<caption>") for one in outputs)
    return dict(zip(CELLS, outputs, strict=True))


def _html(outputs: list[Any]) -> str:
    for one in outputs:
        if "data" in one:
            return str(one["data"]["text/html"])
    raise AssertionError(outputs)


@pytest.mark.filterwarnings("ignore")  # of the packages that run notebooks
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("StatsReport", ["40 entries", "Room on disk by level", "librosa.core.spectrum", "per MB"]),
        ("VerifyReport", ["40 entries checked", "2 problems", "truncated", "ends too early"]),
        ("Plan", ["to remove: 35 entries", "kept: 5 entries", "What would be removed"]),
        ("RunReport", ["2 misses", "slow", "compute", "saved"]),
        ("BenchReport", ["3 runs each", "30 warm", "speed-up", "95 %", "level"]),
    ],
)
def test_report_is_shown_as_tables(shown: dict[str, str], name: str, words: list[str]) -> None:
    made = Page(shown[name])
    assert made.named("table")
    assert not made.named("script")
    assert not made.named("svg"), "without the style of a page it has no size"
    assert not made.values("id"), "two reports can be in one notebook"
    for word in words:
        assert word in made.text, word


def test_report_escapes_names(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "package" / "<script>alert(1)<b>"
    write_entry(folder, "0" * 32)
    store = Store(tmp_path)
    for report in (verify(store), plan_clear(store, Selection().resolve(store))):
        html = report._repr_html_()
        assert html is not None
        made = Page(html)
        assert not made.named("script")
        assert "<script>alert(1)<b>" in made.text


def test_report_without_the_public_api_is_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_show", None)
    report = verify(Store("/nowhere"))
    assert report._repr_html_() is None
    monkeypatch.delitem(vars(acache), "verify")
    assert acache.verify(Store("/nowhere"))._repr_html_() is not None
