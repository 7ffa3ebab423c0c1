"""A plugin of pytest: runs joblib's own tests with every joblib.Memory accelerated.

``ACACHE_TEST_SETTLED=1`` trusts a stored source at once, so that the second call of a function is
answered without joblib's code.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

import acache
from acache.memory.engine import callers, methods

answered = 0
_answer = methods.answer


def answer(*call: Any) -> Any:
    global answered  # noqa: PLW0603 - one number for the whole run
    result = _answer(*call)
    answered += result is not methods._MISSING and type(result) is not methods._Absent
    return result


methods.answer = answer
if os.environ.get("ACACHE_TEST_SETTLED"):
    callers._SETTLED = -(10**18)
acache.accelerate()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[joblib.Memory]:
    """Do as a fixture of joblib's repository, which joblib 1.4 and 1.5 do not install."""
    made = joblib.Memory(location=tmp_path)
    yield made
    made.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Any:
    """Run the tests that are coroutines, for which joblib has another plugin."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"answered fast: {answered}")
