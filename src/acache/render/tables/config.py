"""Every setting: ``acache config``."""

from __future__ import annotations

from rich.text import Text

from acache.config.settings import Config, Setting
from acache.render.durations import duration
from acache.render.tables.layout import console, new_table, write
from acache.system.text import printable, size_text


def print_settings(config: Config) -> None:
    """Print every setting, its value, its origin, and what the library makes of it."""
    table = new_table()
    for title in ("setting", "value", "origin", "effect"):
        table.add_column(title)
    for setting in config.settings:
        table.add_row(
            Text(setting.name),
            Text(_value(setting), overflow="fold"),
            Text(setting.origin),
            Text(printable(setting.effect), style="" if setting.ok else "yellow"),
        )
    variable = f"{config.prefix}_CACHE_LEVEL"
    write(console(), table, "", Text(f"To change one, for example: export {variable}=30"))


def _value(setting: Setting) -> str:
    if setting.value is None:
        return "-"
    if setting.name == "max-size":
        return size_text(int(setting.value))
    if setting.name == "max-age":
        return duration(float(setting.value))
    return printable(str(setting.value))
