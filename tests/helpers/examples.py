"""How many examples Hypothesis tries: more in ``make test-slow`` than in ``make test``."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_FOR_ANY_MACHINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=100, **_FOR_ANY_MACHINE)
settings.register_profile("slow", max_examples=1000, **_FOR_ANY_MACHINE)
settings.load_profile("quick")


def examples(count: int) -> int:
    """Return how many examples to try where `count` are enough in ``make test``."""
    return count * settings().max_examples // 100
