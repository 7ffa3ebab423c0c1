"""Hook of hatchling: README.md for PyPI, where links to files do not work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class PypiReadme(MetadataHookInterface):
    """Remove pictures, and links to files and headings, from the README; their texts stay."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme; hatchling calls this for each sdist and wheel."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = re.sub(r"^!\[[^]]*\]\((?!https?:)[^)]*\)\n\n?", "", text, flags=re.MULTILINE)
        text = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]+\)", r"\1", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
