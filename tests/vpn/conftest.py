"""A VPN on this machine, where that can be; otherwise its tests are skipped, with what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.emulator import Emulator
from local_aws.vpn.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _requirements() -> None:
    if problems := missing():
        pytest.skip("; ".join(problems))


@pytest.fixture(scope="module")
def account(_requirements: None) -> Iterator[Emulator]:
    """An emulator, bootstrapped for deployments."""
    with Emulator() as emulator:
        cdk_cli.bootstrap(emulator)
        yield emulator
