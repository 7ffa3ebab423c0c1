"""Pictures: no text is cut or lies over another, at any number of levels and length of names."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from matplotlib import rc_context
from matplotlib.text import Text

from acache.render.plot.bench import benchmark_figure, draw_benchmark
from acache.render.plot.figure import _STYLE
from acache.render.plot.simulate import draw_simulation, simulation_figure
from tests.helpers.figures import bench_report, simulate_report

LEVELS = [10, 20, 30, 40, 50, 60, 70, 100_000_000]
LONG = "analyse.py " + "W" * 300 + " --and $more$ ^options_ and \\frac more"


def shown_texts(figure: Any) -> list[tuple[str, Any]]:
    """Draw a figure, and return each text that it shows, with its box."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = []
    for text in figure.findobj(Text):
        box = text.get_window_extent(renderer)
        if text.get_visible() and text.get_text().strip() and box.width:
            texts.append((text.get_text(), box))
    return texts


def assert_readable(figure: Any) -> list[str]:
    texts = [one for one in shown_texts(figure) if is_shown(figure, one)]
    for text, box in texts:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text
    for (text, one), (other, another) in combinations(texts, 2):
        assert not overlap(one, another), (text, other)
    return [text for text, _ in texts]


def is_shown(figure: Any, text: tuple[str, Any]) -> bool:
    """Return whether a text is not the label of a tick beyond its axis, which is not drawn."""
    labels = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not low_to_high(axis, tick)
    }
    return not any(text[1].bounds == label.get_window_extent().bounds for label in labels)


def low_to_high(axis: Any, tick: Any) -> bool:
    low, high = sorted(axis.get_view_interval())
    return bool(low - 1e-9 <= tick.get_loc() <= high + 1e-9)


def overlap(one: Any, other: Any) -> bool:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(across > 1 and down > 1)


@pytest.mark.parametrize("rounds", [1, 5])
@pytest.mark.parametrize("count", range(1, 9))
def test_benchmark_shows_all_of_its_texts(count: int, rounds: int) -> None:
    report = bench_report(LEVELS[:count], rounds=rounds, recommended=LEVELS[count - 1])
    with rc_context(_STYLE):
        texts = assert_readable(benchmark_figure(report))
    assert "wall time (s)" in texts
    assert "speed-up over cache off (×)" in texts
    assert f"level {LEVELS[count - 1]}, cold" in texts
    assert texts.count("warm (recommended)") == 1
    intervals = [text for text in texts if "–" in text]
    assert len(intervals) == (count if rounds > 2 else 0)
    assert any("95 % interval" in text for text in texts) is (rounds > 2)


@pytest.mark.parametrize(
    "options",
    [
        {"command": LONG},
        {"command": "run.py $x_1$ ^y \\\\frac{1}"},
        {"seconds": 0.004, "gain": 1.0},
        {"seconds": 0.9, "gain": 0.5},
        {"seconds": 100_000.0, "gain": 40.0},
        {"seconds": 3.0, "gain": 4.0},
        {"seconds": 700.0, "gain": 1.1},
        {"seconds": 3.0, "gain": 30.0},
        {"entries": 0},
    ],
)
def test_benchmark_of_any_kind_is_readable(options: dict[str, Any]) -> None:
    with rc_context(_STYLE):
        for levels in ([50], [10, 30, 50], LEVELS):
            assert_readable(benchmark_figure(bench_report(levels, **options)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"calls": 1},
        {"calls": 2, "entries": 1},
        {"scale": 10**9},
        {"sizes": (1000,)},
        {"sizes": (1, 10**15)},
        {"sizes": (100_000, 101_000, 102_000)},
        {"sizes": tuple(10**power for power in range(3, 16))},
    ],
)
def test_simulation_of_any_kind_is_readable(options: dict[str, Any]) -> None:
    with rc_context(_STYLE):
        texts = assert_readable(simulation_figure(simulate_report(**options)))
    assert "size of the cache" in texts
    assert "share of the saved time" in texts
    assert {"lru", "oldest", "largest", "cost"} <= set(texts)


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_picture_has_the_format_that_is_asked_for(form: str, start: bytes) -> None:
    assert draw_benchmark(bench_report([20]), form).startswith(start)
    assert draw_simulation(simulate_report(), form).startswith(start)
