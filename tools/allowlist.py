"""Add to the list of harmless names what the pickles of ordinary results name.

Run it with each version of the packages that the list should know: names move between modules.
Nothing is ever removed; review what it adds, as the pickles of others will be judged by it. Look at
``__setstate__``, ``__new__`` and ``__del__`` of a class, and at whatever is called.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import joblib  # noqa: E402
from tests.helpers.ordinary import PACKAGES, results  # noqa: E402

from acache.pickles import Global, Node, Object, describe_file  # noqa: E402
from acache.pickles.nodes import whole_tuple  # noqa: E402
from acache.pickles.safety.allowlist import FILE, USES, read_allowed  # noqa: E402
from acache.pickles.safety.calls import CALLS  # noqa: E402

HEAD = (
    "# What loading a pickle may name, by use: see allowlist.py. tools/allowlist.py adds to it.\n"
)


class Collector:
    """Collects how each name is used, as a pickle is read."""

    def __init__(self) -> None:
        self.allowed = read_allowed(FILE.read_text("utf-8"))

    def named(self, named: Global, /) -> None:
        """Take note of a name."""
        if not any(named in names for names in self.allowed.values()) and named not in CALLS:
            self.allowed["name"].add(named)

    def made(self, made: Object, /) -> None:
        """Take note of a call."""
        target = made.class_of()
        if type(target) is not Global or target in self.allowed["error"] or target in CALLS:
            return
        is_call = made.made != "new" and target is made.target and whole_tuple(made.arguments) != []
        use = "call" if is_call else "new"
        self.allowed["name"].discard(target)
        self.allowed[use].add(target)

    def built(self, made: Object, named: Global, /) -> None:
        """Ignore states, which have rules of their own."""

    def filled(self, made: Object, keys: list[Node], /) -> None:
        """Ignore items, which have rules of their own."""


def written(allowed: dict[str, set[Global]]) -> str:
    """Return the text of the list."""
    lines = defaultdict(set)
    for use in USES:
        for module, name in allowed[use]:
            lines[use, module].add(name)
    ordered = sorted(lines.items(), key=lambda line: (USES.index(line[0][0]), line[0][1]))
    return HEAD + "".join(
        f"{use} {module} {' '.join(sorted(names))}\n" for (use, module), names in ordered
    )


def main() -> None:
    """Read a pickle of each ordinary result, and write the list."""
    warnings.simplefilter("ignore")
    collector = Collector()
    for package in PACKAGES:
        for _, value in results(package):
            file = io.BytesIO()
            try:
                joblib.dump(value, file)
            except Exception:  # not every result can be pickled
                continue
            file.seek(0)
            describe_file(file, watcher=collector, most_items=1000, contents=False)
        sys.stderr.write(f"{package}\n")
    FILE.write_text(written(collector.allowed), "utf-8")


if __name__ == "__main__":
    main()
