"""Shared by the commands about certificates."""

from __future__ import annotations

import importlib.util

from client_connect_tools import distribution
from client_connect_tools.commands._shared import wrong_use


def require_cryptography() -> None:
    """End the command when the extra is not installed."""
    for package in ("cryptography", "boto3"):
        if importlib.util.find_spec(package) is None:
            wrong_use(
                f'{package} is not installed; install it by: pip install "{distribution.name()}[certificates]"'
            )
