"""Sessions in Markdown, run again in a shell, and what of their output may differ between runs."""

from __future__ import annotations

import os
import random
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.helpers.processes import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md")),
]

EXAMPLES = ROOT / "examples"

# Sessions that are not run, by the first word of their first line, and why.
NOT_RUN = {
    "make": "CI runs these targets",
    "pip": "installs packages, as CI does before the tests",
    "sudo": "changes the machine",
    "systemctl": "changes the machine",
}
# Lines of whose output only the names of the rows are compared, and why.
NAMES_ALONE = {
    "acache run": "the order of its rows depends on times",
    "acache bench": "all of it depends on times",
}
# What is run instead of what would take minutes.
SHORTER = {"acache bench": "acache bench --runs 1 --warmup 0"}

BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ANSWER = re.compile(r"(\[y/N\]: )(\w*)\n")
_ID = re.compile(r"\b(\w+)/[0-9a-f]+\b")
_END = "--- this was "

# What may differ, and what replaces it, in this order. The rest must be equal, except for the
# number of spaces between words: columns are as wide as their content.
VARYING = [
    (r"\n {16,}(?=\S)", " "),  # a table's cell that goes on in the next line
    (r"\[y/N\]: ([yn]\n)?", "[y/N]\n"),  # what is typed is not printed
    (r"(…|\blibrosa\.)(\w+\.)*(?=\w+\b)", "…"),  # a name is cut where there is no room
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", "MOMENT"),
    (r"\b(now|an?|\d+) ?(second|minute|hour)?s?( ago)\b|\bnow\b", "AGO"),
    (r"/[0-9a-f]{8,32}\b", "/HASH"),
    (r"/[0-9a-f]{2}\b(?=\n)", "/HASH"),
    (r"(?<![\w.])-?\d[\d.,]* (kB|MB|GB|TB|bytes|B)\b", "SIZE"),
    (r"(?<![\w.])(-?\d[\d.,]* (ms|s|min|h|d|µs)|\d+[dhm] \d\d[hms])(?!\w)", "TIME"),
    (r"\bbyte \d+", "byte N"),
    (r"(?<![\w.])\d[\d.]*%( [█▏▎▍▌▋▊▉]+)?", "SHARE"),
    (r"\d\.\d{8}e[+-]\d\d\S*", "FLOAT"),
    (r"\b\d+\.\d+\.\d+\b", "VERSION"),
    (r", in /.*python[\d.]*\n", ", in PYTHON\n"),
    # These depend on the machine.
    (r"(ok|warning|problem) +(access-times|free-space|inodes) .*\n(.*\$ .*\n)?", r"STATUS \2\n"),
    (r"( checks: \d+ problems?)( and .*)?\n", r"\1\n"),
]


class Step(NamedTuple):
    """A line at the prompt, and what it prints."""

    line: str
    output: str


def blocks(markdown: str) -> Iterator[list[Step]]:
    """Find the sessions of a page, each as its steps."""
    for block in BLOCK.findall(markdown):
        parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        lines = (part.partition("\n") for part in parts)
        yield [Step(line.partition("    #")[0].rstrip(), output) for line, _, output in lines]


def normal(output: str, home: str = "/home/you") -> list[str]:
    """Return the lines of an output with what may differ replaced."""
    output = output.replace(home, "~")
    for pattern, name in VARYING:
        output = re.sub(pattern, name, output)
    return [" ".join(line.split()) for line in output.splitlines()]


def names(output: str) -> list[str]:
    """Return the first word of each row of the table in an output, sorted."""
    lines = normal(output)
    header = next(n for n, line in enumerate(lines) if re.match("(function|level) ", line))
    rows = lines[header + 1 :]
    return sorted(row.split()[0] for row in rows[: [*rows, ""].index("")])


def run(steps: list[Step], home: Path, environment: dict[str, str]) -> list[Step]:
    """Run the lines of a session in one shell, with answers from a terminal."""
    import pty

    script = "".join(f"{step.line}\necho '{_END}'\n" for step in steps)
    answers = "".join(f"{said}\n" for step in steps for _, said in _ANSWER.findall(step.output))
    master, slave = pty.openpty()
    try:
        os.write(master, answers.encode())
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=environment,
            encoding="utf-8",
            check=False,
            timeout=5 * PATIENCE_SECONDS,
        )
    finally:
        os.close(master)
        os.close(slave)
    outputs = done.stdout.split(f"{_END}\n")
    assert len(outputs) == len(steps) + 1, done.stdout
    return [Step(step.line, output) for step, output in zip(steps, outputs, strict=False)]


def prepare(home: Path) -> dict[str, str]:
    """Fill a home with the commands and examples that sessions use; return its environment."""
    (home / "bin").mkdir()
    for name, start in (("acache", " -m acache"), ("python", "")):
        program = home / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{start} "$@"\n')
        program.chmod(0o755)
    shutil.copytree(EXAMPLES, home / "examples")
    return {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LIBROSA_CACHE_DIR": str(home / ".cache" / "librosa"),
        "LIBROSA_CACHE_LEVEL": "50",
        "COLUMNS": "80",
        "PYTHONIOENCODING": "utf-8",
    }


@contextmanager
def _new_home() -> Iterator[Path]:
    """Make a folder whose path is as long as ``/home/you``: where lines wrap depends on that."""
    home = Path("/tmp", "".join(random.choices(string.ascii_lowercase, k=4)))
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def used_home() -> Iterator[Path]:
    """Make a home in which the example has been run."""
    with _new_home() as home:
        script = EXAMPLES / "estimate_tuning.py"
        subprocess.run([sys.executable, script], env=prepare(home), check=True, capture_output=True)
        yield home


@contextmanager
def copied_home(used: Path) -> Iterator[Path]:
    """Make a home with a copy of that store."""
    with _new_home() as home:
        shutil.copytree(used / ".cache", home / ".cache")
        yield home


def run_again(steps: list[Step], home: Path, *, short: bool = True) -> list[Step]:
    """Run a session in such a home; `short`: with shorter commands instead of those of minutes."""
    environment = prepare(home)
    for start, arrange in BEFORE.items():
        if f"{steps[0].line}\n".startswith(start) and (short or arrange is not empty):
            arrange(home)
    meant = [step._replace(line=_adapted(step.line, home, short)) for step in steps]
    return run(meant, home, environment)


def is_same(shown: Step, real: Step, home: Path) -> bool:
    """Return whether a line prints what is shown, except for what may differ."""
    if shown.line.startswith(tuple(NAMES_ALONE)) and "2>/dev/null" not in shown.line:
        return names(real.output) == names(shown.output)
    return normal(real.output, str(home)) == normal(shown.output)


def _entry_of(home: Path, function: str) -> Path:
    """Find the first entry of a function, by its last part."""
    joblib = home / ".cache" / "librosa" / "joblib"
    return min(joblib.glob(f"**/{function}/{'[0-9a-f]' * 32}"))


def damage(home: Path) -> None:
    """Make one result unsafe, and cut another."""
    (_entry_of(home, "get_window") / "output.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    result = _entry_of(home, "stft") / "output.pkl"
    os.truncate(result, result.stat().st_size - 1000)


def empty(home: Path) -> None:
    """Replace the example by a script that does nothing: the table has the same rows."""
    (home / "examples" / "estimate_tuning.py").write_text("")


# What happens before a session, by its first line.
BEFORE: dict[str, Callable[[Path], None]] = {"acache verify\n": damage, "acache bench": empty}


def _adapted(line: str, home: Path, short: bool) -> str:
    """Replace ids of entries by those of this store: hashes of floats depend on the machine."""
    for long, instead in SHORTER.items() if short else ():
        line = line.replace(long, instead)
    if not line.startswith("acache show"):
        return line
    return _ID.sub(lambda match: f"{match[1]}/{_entry_of(home, match[1]).name[:8]}", line)
