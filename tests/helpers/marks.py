"""Marks of tests that need what some systems lack."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

needs_du = pytest.mark.skipif(
    not Path("/usr/bin/du").exists() or sys.platform != "linux", reason="needs GNU du"
)
needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork") or (os.cpu_count() or 1) < 2, reason="needs os.fork and two cores"
)
needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows makes links for admins alone")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell and signals")
needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs two users, so root"
)
