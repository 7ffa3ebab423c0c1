"""Tables of HTML: semantic ones, which the page's script makes sortable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from acache.operations.argument_text import readable
from acache.operations.ls import Listed
from acache.render.durations import duration
from acache.render.html.markup import Markup, element, together
from acache.store.format import dotted
from acache.store.totals import Totals
from acache.system.text import counted, size_text

LONGEST_NAME = 160
_LONGEST_ARGUMENT = 60

Row = Sequence[str]


def table(
    caption: str,
    titles: Sequence[str],
    rows: Sequence[Row],
    *,
    numbers: Sequence[str] = (),
    texts: Sequence[str] = (),
    sorted_by: str | None = None,
    row_ids: str | None = None,
    left_out: str = "",
) -> Markup:
    """Make a table whose first column names the rows.

    Parameters
    ----------
    caption : str
    titles : sequence of str
        Of the columns.
    rows : sequence of rows
        A cell each for the columns; text, or `Markup`.
    numbers : sequence of str
        Titles of the columns to be aligned at their right.
    texts : sequence of str
        Titles of the columns of long texts, which may be wrapped.
    sorted_by : str, optional
        Title of the column by which the rows are sorted, the largest first.
    row_ids : str, optional
        Begins the id of each row; its number follows.
    left_out : str
        What the table leaves out; empty for nothing.
    """
    order = {title: "descending" for title in titles if title == sorted_by}
    heads = [element("th", title, scope="col", aria_sort=order.get(title)) for title in titles]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
            id=None if row_ids is None else f"{row_ids}{number}",
        )
        for number, row in enumerate(rows)
    ]
    styles = [f"n{titles.index(title) + 1}" for title in numbers]
    styles += [f"t{titles.index(title) + 1}" for title in texts if title in titles]
    last = element("tfoot", element("tr", element("td", left_out, colspan=len(titles))))
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        *([last] if left_out else []),
        class_=" ".join(styles) or None,
    )


def columns(rows: dict[str, Sequence[str]]) -> tuple[list[str], list[Row]]:
    """Turn named columns into titles and rows; columns without any content are left out."""
    kept = {title: cells for title, cells in rows.items() if any(cells)}
    return [*kept], [*zip(*kept.values(), strict=True)]


def bar(share: float) -> Markup:
    """Draw a share of the whole as a percentage and a bar."""
    drawn = element("rect", width=f"{min(share, 1.0):.0%}")
    return together(f"{share:.0%} ", element("svg", drawn, aria_hidden="true"))


def level_text(level: int | None) -> str:
    """Format a level; ``-`` if it is unknown."""
    return "-" if level is None else str(level)


def seconds_text(seconds: float | None) -> str:
    """Format seconds; ``-`` if they are unknown, with a minus if they are lost."""
    if seconds is None:
        return "-"
    return f"-{duration(-seconds)}" if seconds < 0 else duration(seconds)


def room_of(totals: Totals) -> int:
    """Return the room on disk, or where that is unknown the size, in bytes."""
    return totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes


def room_title(totals: Totals) -> str:
    """Name what `room_of` returns: a bucket has no room on disk."""
    return "Size" if totals.disk_bytes is None else "Room on disk"


def per_megabyte(seconds: float | None, room: int) -> float | None:
    """Return the seconds that a megabyte took to compute; None where they are unknown."""
    return None if seconds is None or not room else seconds * 1e6 / room


def day(moment: float | None) -> str:
    """Format the day of a time; ``-`` if it is unknown."""
    return _moment(moment, "%Y-%m-%d")


def minute(moment: float | None) -> str:
    """Format a time to the minute; ``-`` if it is unknown."""
    return _moment(moment, "%Y-%m-%d %H:%M UTC")


def _moment(moment: float | None, form: str) -> str:
    if moment is None:
        return "-"
    try:
        return datetime.fromtimestamp(moment, timezone.utc).strftime(form)
    except (OverflowError, ValueError, OSError):  # a file system can hold any number
        return "-"


def entries_text(number: int) -> str:
    """Format a number of entries."""
    return counted(number, "entry", "entries")


def amount(totals: Totals) -> str:
    """Format a number of entries and the room that they take."""
    return f"{entries_text(totals.entries)}, {size_text(room_of(totals))}"


def arguments_text(listed: Listed, most: int) -> str:
    """Format the arguments of an entry; where there is little room, the short ones first."""
    given = (listed.arguments or {}).items()
    texts = [f"{name}={cut(readable(value), _LONGEST_ARGUMENT)}" for name, value in given]
    if sum(map(len, texts)) + 2 * len(texts) > most:
        texts.sort(key=len)
    return cut(", ".join(texts), most)


def cut(text: str, most: int) -> str:
    """Shorten a text at its end."""
    return text if len(text) <= most else f"{text[: most - 1]}…" if most else ""


def tail(name: str, most: int = LONGEST_NAME) -> str:
    """Shorten a name at its front: its last parts tell more."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def short_names(functions: Sequence[str]) -> dict[str, str]:
    """Shorten dotted names to their last parts, as many as none of the others ends with.

    Examples
    --------
    >>> short_names(["librosa.stft", "scipy.signal.stft", "librosa.cqt"])
    {'librosa.stft': 'librosa.stft', 'scipy.signal.stft': 'signal.stft', 'librosa.cqt': 'cqt'}
    """
    endings: dict[str, int] = {}
    for name in functions:
        for ending in _endings(name):
            endings[ending] = endings.get(ending, 0) + 1
    return {
        name: next((one for one in _endings(name) if endings[one] == 1), name) for name in functions
    }


def _endings(name: str) -> list[str]:
    """Return the last parts of a dotted name: one, two, and so on."""
    parts = name.split(".")
    return [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]


def entry_name(listed: Listed, names: dict[str, str]) -> str:
    """Name an entry by the last parts of its function and the first digits of its hash."""
    function = dotted(listed.entry.function)
    return f"{tail(names.get(function, function), 60)}/{listed.entry.hash[:8]}"
