"""Checks of the settings, as `acache.config.settings` judges them, and of what is installed.

joblib 1.3, 1.4, 1.5 and 1.6 make the same of each setting, but for the mapping of compressed
results. From 1.5 on they are read as if nothing was to be mapped; before, r and c raise ValueError
at each load, r+ and w+ overwrite the file.
"""

from __future__ import annotations

import os
import re

from acache.config.settings import DEFAULT_PREFIX, Config, Setting
from acache.operations.doctor.check import Check, Status, command, existing, library
from acache.operations.doctor.permissions import elsewhere
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.system.errors import AcacheError
from acache.system.text import quoted

# Settings that mend what is wrong with another value; None: unset it.
_MENDED = {"level": "10", "verbose": None, "mmap": None, "compress": "zlib"}


def check_location(config: Config) -> tuple[Check, Store | None]:
    """Tell where the cache is, and open its store; None where there is none to look into."""
    setting = config.setting("cache-dir")
    variable = setting.variable
    if setting.value is None:
        message = f"{variable} is not set: caching is off"
        return Check("cache-dir", "warning", message, elsewhere(config)), None
    location = str(setting.value)
    try:
        store = Store(location)
    except (AcacheError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{location} cannot be used, {library(config)} raises an error at its first use"
        fix = elsewhere(config)
        if isinstance(error, PermissionError) and _is_own(location):
            fix = f"chmod u+rwx {quoted(location)}"
        return Check("cache-dir", "problem", f"{message}: {reason}", fix), None
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
        return Check("cache-dir", "problem", message, elsewhere(config)), None
    there = store.path if store.exists else f"{location}, where there is no cache yet"
    return Check("cache-dir", "ok", f"results are stored in {there}"), store


def _is_own(folder: str) -> bool:
    try:
        return os.lstat(folder).st_uid == os.geteuid() and os.path.isdir(folder)
    except (AttributeError, OSError):  # Windows has no such owners
        return False


def check_setting(config: Config, name: str, installed: InstalledSources) -> Check:
    """Judge one setting of the library."""
    setting = config.setting(name)
    if setting.ok and setting.documented:
        given = "default" if setting.raw is None else setting.raw
        told = f"{given}: {setting.effect}"
        if name == "level" and config.prefix == DEFAULT_PREFIX and (config.level or 0) >= 30:
            # It has a parameter self, as the method of joblib that calls it has.
            told += (
                "; librosa.segment.recurrence_matrix raises TypeError: it needs a level below 30"
            )
        return Check(name, "ok", told)
    told = _told(setting)
    status: Status = "problem"
    if setting.ok or (name == "mmap" and _compressed(config) and _maps_no_more(installed)):
        status = "warning"  # it does no harm
    elif name in ("mmap", "compress") and config.location is None:
        status, told = "warning", f"{told}; now caching is off"
    elif config.prefix != DEFAULT_PREFIX:
        # Whether a library passes values on as librosa does, nobody knows; acache's own cache
        # makes of them what is documented.
        status, told = "warning", f"{told}; as long as it passes the value on to joblib as it is"
    return Check(name, status, told, _mended(config, setting, installed))


def _compressed(config: Config) -> bool:
    compress = config.setting("compress")
    return compress.ok and bool(compress.value)


def _maps_no_more(installed: InstalledSources) -> bool:
    """Tell whether joblib is known to leave what is compressed unmapped."""
    version = re.match(r"(\d+)\.(\d+)", installed.version("joblib") or "")
    return version is not None and (int(version[1]), int(version[2])) >= (1, 5)


def _told(setting: Setting) -> str:
    return f"{setting.variable}={setting.raw!r}: {setting.effect}"


def _mended(config: Config, setting: Setting, installed: InstalledSources) -> str:
    variable = setting.variable
    if setting.name == "compress" and setting.raw == "lz4" and installed.has_module("pip"):
        return f"{quoted(config.python)} -m pip install lz4"
    if setting.name == "mmap" and setting.value is not None:
        if _compressed(config):
            spoilt = None if _maps_no_more(installed) else command(config, "verify", "--delete")
        elif setting.value in ("r+", "w+"):
            spoilt = command(config, "clear", "--all")
        else:
            return f"export {variable}=c"
        unset = f"unset {variable}"
        return unset if spoilt is None or config.location is None else f"{unset} && {spoilt}"
    if setting.name == "mmap" and setting.raw == "write" and config.location is not None:
        return f"unset {variable} && {command(config, 'verify', '--delete')}"
    mended = None if setting.raw == "0" else _MENDED[setting.name]
    return f"unset {variable}" if mended is None else f"export {variable}={mended}"


def check_versions(config: Config, installed: InstalledSources) -> Check:
    """Tell which librosa and joblib the chosen Python has."""
    wanted = ["joblib", *(["librosa"] if config.prefix == DEFAULT_PREFIX else [])]
    found = {name: installed.version(name) for name in sorted(wanted, reverse=True)}
    python = config.setting("python")
    if not python.ok:
        told = f"{python.variable}={python.raw!r}: {python.effect}"
        return Check("versions", "warning", told, f"unset {python.variable}")
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
