"""Checks of the settings, as `acache.config` judges them, and of what is installed.

joblib 1.3, 1.4, 1.5 and 1.6 make the same of each setting, but for the mapping of compressed
results, which 1.5 was the first to leave.
"""

from __future__ import annotations

import os
import re

from acache.config import DEFAULT_PREFIX, Config, Setting
from acache.doctor.check import Check, Status, existing, library, own_location
from acache.errors import AcacheError
from acache.installed import InstalledSources
from acache.names import quoted
from acache.store import Store

# Settings that mend what is wrong with another value; None: unset it.
_MENDED = {"level": "10", "verbose": None, "mmap": None, "compress": "zlib"}


def check_location(config: Config) -> tuple[Check, Store | None]:
    """Tell where the cache is, and open its store; None where there is none to look into."""
    setting = config.setting("cache-dir")
    variable = setting.variable
    if setting.value is None:
        message = f"{variable} is not set: caching is off"
        return Check("cache-dir", "warning", message, own_location(config)), None
    location = str(setting.value)
    try:
        store = Store(location)
    except (AcacheError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{location} cannot be used, {library(config)} raises an error at its first use"
        return Check("cache-dir", "problem", f"{message}: {reason}", own_location(config)), None
    if not setting.ok:
        return Check("cache-dir", "problem", f"{variable}='': {setting.effect}",
                     f"unset {variable}"), store  # fmt: skip
    if setting.origin == "environment" and not os.path.isabs(os.path.expanduser(setting.raw or "")):
        fix = f"export {variable}={quoted(location)}"
        message = f"{variable}={setting.raw!r}: {setting.effect}; now {location}"
        return Check("cache-dir", "warning", message, fix), store
    obstacle = existing(store.path, strictly=False)
    if not os.path.isdir(obstacle):
        what = "a link to nothing" if os.path.islink(obstacle) else "no folder"
        message = f"{obstacle} is {what}: {library(config)} raises an error at its first use"
        return Check("cache-dir", "problem", message, own_location(config)), None
    there = store.path if store.exists else f"{location}, where there is no cache yet"
    return Check("cache-dir", "ok", f"results are stored in {there}"), store


def check_setting(config: Config, name: str, installed: InstalledSources) -> Check:
    """Judge one setting of the library."""
    setting = config.setting(name)
    if setting.ok and setting.documented:
        given = "default" if setting.raw is None else setting.raw
        return Check(name, "ok", f"{given}: {setting.effect}")
    status: Status = "problem"
    if setting.ok or (name == "mmap" and _compressed(config) and not _maps_all(installed)):
        status = "warning"  # it does no harm
    return Check(name, status, _told(setting), _mended(config, setting))


def _compressed(config: Config) -> bool:
    compress = config.setting("compress")
    return compress.ok and bool(compress.value)


def _maps_all(installed: InstalledSources) -> bool:
    """Tell whether joblib is known to map what is compressed, too."""
    version = re.match(r"(\d+)\.(\d+)", installed.version("joblib") or "")
    return version is not None and (int(version[1]), int(version[2])) < (1, 5)


def _told(setting: Setting) -> str:
    return f"{setting.variable}={setting.raw!r}: {setting.effect}"


def _mended(config: Config, setting: Setting) -> str:
    variable = setting.variable
    if setting.name == "compress" and setting.raw == "lz4":
        return f"{quoted(config.python)} -m pip install lz4"
    if setting.name == "mmap" and setting.value in ("r", "c", "r+", "w+"):
        mended = None if _compressed(config) else "c" if setting.value == "c" else "r"
    else:
        mended = None if setting.raw == "0" else _MENDED[setting.name]
    return f"unset {variable}" if mended is None else f"export {variable}={mended}"


def check_versions(config: Config, installed: InstalledSources) -> Check:
    """Tell which librosa and joblib the chosen Python has."""
    wanted = ["joblib", *(["librosa"] if config.prefix == DEFAULT_PREFIX else [])]
    found = {name: installed.version(name) for name in sorted(wanted, reverse=True)}
    if installed.warnings:
        message = f"{installed.warnings[0]}: what is stale cannot be told; --python PATH chooses"
        return Check("versions", "warning", f"{message} another Python")
    there = " and ".join(f"{name} {version}" for name, version in found.items() if version)
    missing = " and ".join(name for name, version in found.items() if not version)
    if not missing:
        return Check("versions", "ok", f"{there}, in {config.python}")
    message = (
        f"{config.python} does not have {missing}: if another Python uses this cache, what is said"
        " of stale results means nothing; --python PATH chooses it"
    )
    return Check("versions", "warning", message)
