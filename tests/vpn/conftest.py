"""A VPN on this machine, where that can be; otherwise its tests are skipped, with what is missing."""

from __future__ import annotations

import pytest

from local_aws.vpn.requirements import missing


@pytest.fixture(scope="session", autouse=True)
def _requirements() -> None:
    if problems := missing():
        pytest.skip("; ".join(problems))
