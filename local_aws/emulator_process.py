"""The emulator's process: MiniStack behind the gate that verifies signatures."""

from __future__ import annotations

import os

from ministack import app as ministack  # type: ignore[import-untyped]  # it has no types

from local_aws.signed_requests import Gate

# The access key id is what tells the emulator the account of a function.
_FUNCTIONS_KEY = "MINISTACK_ACCOUNT_ID"


def main() -> None:
    """Serve until the process is stopped."""
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    ministack.app = Gate(
        ministack.app,
        host=f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}",
        secrets={os.environ["AWS_ACCESS_KEY_ID"]: secret, os.environ[_FUNCTIONS_KEY]: secret},
    )
    ministack.main()
