"""Sessions in Markdown, run again in a shell, and what of their output varies from run to run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/*.md")),
]

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ANSWER = re.compile(r"(\[y/N\]: )(\w*)\n")
_END = "--- this was "

# What varies, and what stands for it; in this order. All else is compared as it stands, but for how
# many spaces there are between words: columns are as wide as what is in them.
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
    # These tell of the machine.
    (r"(ok|warning|problem) +(access-times|free-space|inodes) .*\n(.*\$ .*\n)?", r"STATUS \2\n"),
    (r"( checks: \d+ problems?)( and .*)?\n", r"\1\n"),
]


class Step(NamedTuple):
    """A line at the prompt, and what it prints."""

    line: str
    output: str


def blocks(markdown: str) -> Iterator[list[Step]]:
    """Find the sessions of a page, each as its steps."""
    for block in _BLOCK.findall(markdown):
        parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        lines = (part.partition("\n") for part in parts)
        yield [Step(line.partition("    #")[0].rstrip(), output) for line, _, output in lines]


def normal(output: str, home: str = "/home/you") -> list[str]:
    """Return the lines of an output with what varies taken out."""
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
    """Run the lines of a session in one shell, whose answers come from a terminal."""
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
            timeout=300,
        )
    finally:
        os.close(master)
        os.close(slave)
    outputs = done.stdout.split(f"{_END}\n")
    assert len(outputs) == len(steps) + 1, done.stdout
    return [Step(step.line, output) for step, output in zip(steps, outputs, strict=False)]


def prepare(home: Path, examples: Path) -> dict[str, str]:
    """Lay out a home with the commands and examples that sessions use; return its environment."""
    (home / "bin").mkdir()
    for name, start in (("acache", " -m acache"), ("python", "")):
        program = home / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{start} "$@"\n')
        program.chmod(0o755)
    shutil.copytree(examples, home / "examples")
    return {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LIBROSA_CACHE_DIR": str(home / ".cache" / "librosa"),
        "LIBROSA_CACHE_LEVEL": "50",
        "COLUMNS": "80",
        "PYTHONIOENCODING": "utf-8",
    }
