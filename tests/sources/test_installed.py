"""Installed sources: found and parsed, never imported."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from acache.sources.installed import InstalledSources
from tests.helpers.marks import needs_posix


@needs_posix
def test_search_path_of_a_python_that_prints_when_it_starts(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf noise\n{shlex.quote(sys.executable)} "$@"\necho more\n')
    python.chmod(0o755)
    asked = InstalledSources(str(python)).search_path
    assert all(os.path.isabs(folder) for folder in asked)
    assert os.path.dirname(os.__file__) in asked
