"""Run the sessions in README and docs/ again, and write what has changed: `make sessions`.

Usage: python tools/sessions.py [--timed]

A session stays as it is if its output differs only in what may differ: times, sizes, hashes. The
sessions of `acache bench` and `acache run`, which consist of times, are written only with --timed;
that takes minutes, and should be done on a quiet machine.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.sessions import (
    BLOCK,
    NAMES_ALONE,
    NOT_RUN,
    PAGES,
    ROOT,
    Step,
    blocks,
    copied_home,
    is_same,
    run_again,
    used_home,
)

GENERATED = {"docs/commands.md", "docs/json.md"}


def main(*, timed: bool) -> None:
    """Run the sessions of all pages that are written by hand."""
    with used_home() as used:
        for page in PAGES:
            if page not in GENERATED:
                text = (ROOT / page).read_text(encoding="utf-8")
                new = BLOCK.sub(lambda block: renewed(block[0], used, timed=timed), text)
                (ROOT / page).write_text(new, encoding="utf-8", newline="\n")


def renewed(block: str, used: Path, *, timed: bool) -> str:
    """Return a session with the output of now, or as it is if nothing has changed."""
    [steps] = blocks(block)
    first = steps[0].line
    is_timed = first.startswith(tuple(NAMES_ALONE))
    if first.split()[0] in NOT_RUN or is_timed is not timed:
        return block
    with copied_home(used) as home:
        real = run_again(steps, home, short=False)
        if not timed and all(map(is_same, steps, real, [home] * len(steps))):
            return block
        shown = "".join(written(*pair, home) for pair in zip(steps, real, strict=True))
    sys.stdout.write(f"{first}\n")
    return f"```console\n{shown}```"


def written(old: Step, new: Step, home: Path) -> str:
    """Write a line and its output as a page shows it, with the answers that are typed."""
    output = new.output.replace(str(home), "/home/you")
    output = re.sub(rf"\s+{re.escape(sys.executable)}", " /usr/bin/python3", output)
    for answer in re.findall(r"\[y/N\]: (\w+)", old.output):
        output = output.replace("[y/N]: ", f"[y/N]: {answer}\n", 1)
    return f"$ {old.line}\n{output}"


if __name__ == "__main__":
    main(timed=sys.argv[1:] == ["--timed"])
