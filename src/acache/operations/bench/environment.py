"""The environment of a benchmark: machine, Python, packages, settings."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time

from acache import __version__
from acache.config.settings import Config
from acache.sources.installed import InstalledSources

_PACKAGES = ("librosa", "joblib", "numpy", "scipy", "numba")
_ANSWER_SECONDS = 20.0


def describe(config: Config) -> dict[str, object]:
    """Describe the machine, the Python, the packages that matter, and the settings of the cache.

    Parameters
    ----------
    config : Config
        Its Python is run for its version; no package is imported.

    Returns
    -------
    environment : dict
        ``acache``, ``python``, ``python_path``, ``packages`` (name to version), ``platform``,
        ``processor``, ``cpus``, ``load`` (mean of the last minute, None where unknown),
        ``settings`` (variable to text, of those that are set), ``started`` (Unix seconds).
    """
    installed = InstalledSources(config.python.value)
    names = dict.fromkeys((config.prefix.lower(), *_PACKAGES))
    versions = {name: installed.version(name) for name in names}
    return {
        "acache": __version__,
        "python": _python_version(config.python.value),
        "python_path": config.python.value,
        "packages": {name: version for name, version in versions.items() if version is not None},
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "settings": {
            setting.variable: setting.raw
            for setting in config.settings
            if setting.origin == "environment" and setting.name not in ("env-prefix", "python")
        },
        "started": time.time(),
    }


def _python_version(python: str) -> str | None:
    if python == sys.executable:
        return platform.python_version()
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import platform; print(platform.python_version())"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
