"""Another user, whom permissions hold back where root runs the tests.

That user may reach neither the tests' code nor Python's own files, as in ``/root``. So a process
imports all that it may need before it becomes that user, and what it works on lies in a folder
that everybody can reach.
"""

from __future__ import annotations

import ast
import functools
import os
import tempfile
from pathlib import Path

import acache

NOBODY = 65534

# What acache's packages import where they first need it, or look for in vain.
_LATE = (
    *("difflib", "email.parser", "encodings.raw_unicode_escape"),
    "importlib.metadata._adapters",
)
# Of no command, or with effects of their own.
_NOT_IMPORTED = (
    *(
        "acache.memory",
        "acache.operations.run.child",
        "acache.render.plot",
        "acache.system.cluster",
    ),
    "joblib",
)


@functools.cache
def with_all_imported() -> str:
    """Write code that imports every module that a command may import."""
    package = Path(acache.__file__).parent
    names = set(_LATE)
    for file in package.rglob("*.py"):
        name = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        if name.startswith(_NOT_IMPORTED) or name == "acache.__main__":
            continue
        names.add(name)
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [alias.name for alias in node.names if alias.name.islower()]
                names |= {node.module, *(f"{node.module}.{name}" for name in modules)}
    names = {name for name in names if not name.startswith(_NOT_IMPORTED)}
    return (
        "import contextlib, importlib, os, sys\n"
        "import acache\n"
        f"for name in {sorted(names)!r}:\n"
        "    with contextlib.suppress(ImportError): importlib.import_module(name)\n"
    )


def command_as(user: int) -> str:
    """Write code that runs the command line of its arguments as a user."""
    become = f"os.setgroups([])\nos.setuid({user})\n"
    return f"{with_all_imported()}{become}acache.cli.app.main(sys.argv[1:])\n"


def reachable_folder() -> Path | None:
    """Make a temporary folder that every user can reach; None where there can be none."""
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")):
        above = [Path(place), *Path(place).parents]
        if os.access(place, os.W_OK) and all(one.stat().st_mode & 0o001 for one in above):
            folder = Path(tempfile.mkdtemp(prefix="acache-tests-", dir=place)).resolve()
            folder.chmod(0o755)
            return folder
    return None
