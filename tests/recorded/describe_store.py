"""Print what the installed joblib says of the stores: python describe_store.py OUTPUT_FOLDER.

It runs under every recorded joblib, and so keeps to the syntax of Python 3.8.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import Memory


def describe(location: str | Path, output: Path) -> dict[str, Any]:
    """Return where a memory has its store, and the items it finds there, sorted."""
    store = Memory(location, verbose=0).store_backend
    items: dict[str, list[dict[str, Any]]] = {}
    for item in sorted(store.get_items(), key=lambda item: str(item.path)):
        function, name = os.path.split(os.path.relpath(item.path, store.location))
        items.setdefault(function, []).append({"hash": name, "size": item.size})
    return {"location": os.path.relpath(store.location, output), "items": items}


def main() -> None:
    """Print the description as JSON."""
    output = Path(sys.argv[1])
    description = {
        "joblib": joblib.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "stores": {
            "str": describe(str(output / "str"), output),
            "path": describe(output / "path", output),
        },
    }
    json.dump(description, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
