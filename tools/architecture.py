"""Write the tree of modules in docs/architecture.md, from the first lines of their docstrings."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "src" / "acache"
ROOMS = [
    "cli",
    "tui",
    "render",
    "memory",
    "operations",
    "sources",
    "pickles",
    "store",
    "config",
    "system",
]
BEGIN = "<!-- the tree: make docs -->\n"
END = "<!-- end of the tree -->\n"
INDENT = 4
WIDTH = 18


def tree() -> str:
    """Return the rooms in order, with their packages, and the first line of each module."""
    rooms = [PACKAGE / room for room in ROOMS if (PACKAGE / room).is_dir()]
    return "".join(f"    {line}\n" for room in rooms for line in _lines(room, 0))


def page(old: str) -> str:
    """Return the page with the current tree.

    Parameters
    ----------
    old : str
        The page, with the two comments around the tree.
    """
    above, _, rest = old.partition(BEGIN)
    _, _, below = rest.partition(END)
    return f"{above}{BEGIN}\n{tree()}\n{END}{below}"


def _lines(folder: Path, depth: int) -> list[str]:
    lines = [_line(f"{folder.name}/", folder / "__init__.py", depth)]
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(_line(path.name, path, depth + 1))
        elif path.is_dir() and any(path.glob("*.py")):
            lines += _lines(path, depth + 1)
    return lines


def _line(name: str, file: Path, depth: int) -> str:
    said = ast.get_docstring(ast.parse(file.read_bytes())) if file.exists() else None
    first = said.split("\n\n")[0].replace("\n", " ") if said else ""
    return f"{' ' * INDENT * depth}{name:{WIDTH}} {first}".rstrip()


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(tree())
    else:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
