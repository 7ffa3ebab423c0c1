"""Durations as text, without any package."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Format a duration in two figures or two units.

    Parameters
    ----------
    seconds : float >= 0

    Examples
    --------
    >>> [duration(s) for s in (0, 0.0123, 4.56, 125, 4000, 200_000, 3e7)]
    ['0 s', '12 ms', '4.6 s', '2m 05s', '1h 06m', '2d 07h', '347d']
    """
    if seconds == 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms" if seconds >= 1e-4 else "<0.1 ms"
    if seconds < 59.95:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02}m"
    days, hours = divmod(hours, 24)
    if days >= 100:
        return f"{days}d"
    return f"{days}d {hours:02}h"


def timing(seconds: float) -> str:
    """Format a measured time in three figures.

    Parameters
    ----------
    seconds : float >= 0

    Examples
    --------
    >>> [timing(s) for s in (0.00123, 0.0498, 0.9994, 0.9996, 6.7, 12.34, 123.4, 4000)]
    ['1.23 ms', '49.8 ms', '999 ms', '1.00 s', '6.70 s', '12.3 s', '123 s', '1h 06m']
    """
    if seconds >= 999.5:
        return duration(seconds)
    value, unit = (seconds, "s") if seconds >= 0.9995 else (seconds * 1000, "ms")
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"
