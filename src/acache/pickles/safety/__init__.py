"""Whether loading a pickle would run anything but constructors that are known to be harmless."""

from acache.pickles.safety.judge import Judge, parse_allowed

__all__ = ["Judge", "parse_allowed"]
