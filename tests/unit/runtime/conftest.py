"""Shared by the tests of the runtime: a clock far from UTC, the log, and that nothing else is printed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.log_lines import Log, captured

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _clock_of_the_machine() -> Iterator[None]:
    """Let the machine be far from UTC, as a laptop may be: nothing may depend on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def log() -> Iterator[Log]:
    """Return what the runtime logs during the test."""
    with captured() as log:
        yield log


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fail when the test prints anything, which in Lambda would be a line that is not a record."""
    yield
    assert capfd.readouterr() == ("", "")
