"""One emulator for all tests of a process that claim nothing of the whole account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator; each user of it gives unique names to what it makes."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="session")
def account(emulator: Emulator) -> Emulator:
    """The same, bootstrapped for deployments."""
    cdk_cli.bootstrap(emulator)
    return emulator
