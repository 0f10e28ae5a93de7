"""What everything that a run creates is called, and tagged with."""

from __future__ import annotations

import secrets
import time

# The key of the tag; its value is the run.
TAG = "client-connect-acceptance"
STACK_PREFIX = "ClientConnectAcceptance-"
FUNCTION_PREFIX = "AWSClientVPN-acceptance-"

# Short, because CloudFormation cuts the name of a stack in the names of functions.
_RANDOM_BYTES = 3


def new_run() -> str:
    """Return the name of a run, which no other has."""
    return f"{time.strftime('%m%d%H%M', time.gmtime())}{secrets.token_hex(_RANDOM_BYTES)}"


def stack_of(run: str) -> str:
    """Return the name of a run's stack."""
    return f"{STACK_PREFIX}{run}"
