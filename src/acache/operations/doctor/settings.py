"""Checks of the settings, as `acache.config.effects` reads them, and of what is installed.

joblib 1.3, 1.4, 1.5 and 1.6 make the same of each setting, but for the mapping of compressed
results. From 1.5 on they are read as if nothing was to be mapped; before, r and c raise ValueError
at each load, r+ and w+ overwrite the file.
"""

from __future__ import annotations

import os
import re

from acache.config.buckets import is_bucket
from acache.config.effects import LIBROSA
from acache.config.settings import Config, Setting
from acache.operations.doctor.check import Answer, Subject, command, existing, ok, problem, warning
from acache.operations.doctor.permissions import elsewhere
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.system.errors import AcacheError
from acache.system.text import quoted


def open_location(config: Config) -> Store | Answer:
    """Open the store; or say why there is none to look into."""
    setting = config.cache_dir
    if config.location is None:
        return warning(f"{setting.variable} is not set: caching is off", elsewhere(config))
    fails = f"{config.cached_library} raises an error at its first use"
    try:
        store = Store(config.location)
    except (AcacheError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        fix = elsewhere(config)
        if isinstance(error, PermissionError) and _is_own(config.location):
            fix = f"chmod u+rwx {quoted(config.location)}"
        return problem(f"{config.location} cannot be used, {fails}: {reason}", fix)
    if is_bucket(store.location):
        return store
    obstacle = existing(store.path, strictly=False)
    if not os.path.isdir(obstacle):
        what = "a link to nothing" if os.path.islink(obstacle) else "no folder"
        return problem(f"{obstacle} is {what}: {fails}", elsewhere(config))
    return store


def _is_own(folder: str) -> bool:
    try:
        return os.lstat(folder).st_uid == os.geteuid() and os.path.isdir(folder)
    except (AttributeError, OSError):  # Windows has no such owners
        return False


def check_location(subject: Subject) -> Answer:
    """Check where the cache is."""
    if isinstance(subject.opened, Answer):
        return subject.opened
    setting, store = subject.config.cache_dir, subject.opened
    if not setting.ok:
        return problem(setting.summary, f"unset {setting.variable}")
    if is_bucket(store.location):
        return ok(f"results are shared in {store.path}")
    if setting.origin == "environment" and not os.path.isabs(os.path.expanduser(setting.raw or "")):
        fix = f"export {setting.variable}={quoted(setting.value)}"
        return warning(f"{setting.summary}; now {setting.value}", fix)
    there = store.path if store.exists else f"{store.location}, where there is no cache yet"
    return ok(f"results are stored in {there}")


def check_level(subject: Subject) -> Answer:
    """Check the caching level."""
    config, setting = subject.config, subject.config.level
    answer = _judge(config, setting, f"export {setting.variable}=10")
    if answer.status == "ok" and config.cached_library == LIBROSA and setting.value >= 30:
        # It has a parameter self, as the method of joblib that calls it has.
        note = "librosa.segment.recurrence_matrix raises TypeError: it needs a level below 30"
        return ok(f"{answer.message}; {note}")
    return answer


def check_mmap(subject: Subject) -> Answer:
    """Check whether, and how, results are mapped into memory."""
    config, setting = subject.config, subject.config.mmap
    fix = f"unset {setting.variable}"
    harmless = False
    damaged = None
    if config.compress.ok and config.compress.value:
        harmless = _maps_nothing_compressed(subject.installed)
        if setting.value is not None and not harmless:
            damaged = ("verify", "--delete")
    elif setting.value in ("r+", "w+"):
        damaged = ("clear", "--all")
    elif setting.value is not None:
        fix = f"export {setting.variable}=c"
    if setting.raw == "write":
        damaged = ("verify", "--delete")
    if damaged is not None and config.location is not None:
        fix += f" && {command(config, *damaged)}"
    return _judge(config, setting, fix, harmless=harmless)


def _maps_nothing_compressed(installed: InstalledSources) -> bool:
    """Return whether joblib is known to leave compressed results unmapped."""
    version = re.match(r"(\d+)\.(\d+)", installed.version("joblib") or "")
    return version is not None and (int(version[1]), int(version[2])) >= (1, 5)


def check_compress(subject: Subject) -> Answer:
    """Check how results are compressed."""
    config, setting = subject.config, subject.config.compress
    fix = f"export {setting.variable}=zlib"
    if setting.raw == "0":
        fix = f"unset {setting.variable}"
    elif setting.raw == "lz4" and subject.installed.has_module("pip"):
        fix = f"{quoted(config.python.value)} -m pip install lz4"
    return _judge(config, setting, fix)


def check_verbose(subject: Subject) -> Answer:
    """Check how much is printed."""
    setting = subject.config.verbose
    return _judge(subject.config, setting, f"unset {setting.variable}")


def _judge(config: Config, setting: Setting, fix: str, *, harmless: bool = False) -> Answer:
    """Judge one setting of the library."""
    if setting.ok and setting.documented:
        return ok(f"{'default' if setting.raw is None else setting.raw}: {setting.effect}")
    if setting.ok or harmless:
        return warning(setting.summary, fix)
    if config.location is None and setting in (config.mmap, config.compress):
        return warning(f"{setting.summary}; now caching is off", fix)
    if config.cached_library != LIBROSA:
        # Whether a library passes values on as librosa does is not known; acache's own cache
        # gives them their documented meaning.
        passed = "as long as it passes the value on to joblib as it is"
        return warning(f"{setting.summary}; {passed}", fix)
    return problem(setting.summary, fix)


def _is_of_librosa(subject: Subject) -> bool:
    """Return whether librosa uses the cache: there may be functions of other packages alone."""
    if subject.config.cached_library != LIBROSA or isinstance(subject.opened, Answer):
        return subject.config.cached_library == LIBROSA
    functions = [*subject.store.functions()]
    return not functions or any(name.startswith("librosa/") for name in functions)


def check_versions(subject: Subject) -> Answer:
    """Check which librosa and joblib the chosen Python has."""
    installed, python = subject.installed, subject.config.python
    wanted = ["librosa", "joblib"] if _is_of_librosa(subject) else ["joblib"]
    found = {name: installed.version(name) for name in wanted}
    if not python.ok:
        return warning(python.summary, f"unset {python.variable}")
    if installed.warnings:
        message = f"{installed.warnings[0]}: what is stale is not known; --python PATH chooses"
        return warning(f"{message} another Python")
    there = " and ".join(f"{name} {version}" for name, version in found.items() if version)
    missing = " and ".join(name for name, version in found.items() if not version)
    if not missing:
        return ok(f"{there}, in {python.value}")
    return warning(
        f"{python.value} does not have {missing}: if another Python uses this cache, what is said"
        " of stale results means nothing; --python PATH chooses it"
    )
