"""The names and tags of everything that a run creates."""

from __future__ import annotations

import re
import secrets
import time

# The key of the tag; its value is the run.
TAG = "client-connect-acceptance"
STACK_PREFIX = "ClientConnectAcceptance-"
FUNCTION_PREFIX = "AWSClientVPN-acceptance-"

# Short, because CloudFormation cuts the name of a stack in the names of functions.
_RANDOM_BYTES = 3
_RUN = re.compile(r"[0-9]{8}[0-9a-f]{6}")


def new_run() -> str:
    """Return the name of a run, which no other has."""
    return f"{time.strftime('%m%d%H%M', time.gmtime())}{secrets.token_hex(_RANDOM_BYTES)}"


def run_in(name: str) -> str:
    """Return the run whose name is in that of a stack, a function or a log group; nothing where none is.

    The prefixes alone prove nothing: handlers must be called ``AWSClientVPN-``, and an account with another acceptance
    tests has other ones.
    """
    for prefix in (
        STACK_PREFIX,
        FUNCTION_PREFIX,
        f"{FUNCTION_PREFIX}recorder-",
        f"{FUNCTION_PREFIX}snapshot-",
    ):
        found = re.search(rf"(?:^|/){re.escape(prefix)}({_RUN.pattern})(?![0-9a-zA-Z])", name)
        if found:
            return found[1]
    return ""


def stack_of(run: str) -> str:
    """Return the name of a run's stack."""
    return f"{STACK_PREFIX}{run}"
