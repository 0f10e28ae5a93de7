"""The emulator's process: MiniStack behind the gate that verifies signatures."""

from __future__ import annotations

import os

from ministack import app as ministack  # type: ignore[import-untyped]  # it has no types
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

from local_aws.function_log import END_OF_LOG, read_until
from local_aws.signed_requests import Gate

# The access key id identifies to the emulator the account of a function.
_FUNCTIONS_KEY = "MINISTACK_ACCOUNT_ID"

_briefly = Worker._drain_stderr_bounded  # noqa: SLF001 - it has no public way to a function's log


def main() -> None:
    """Serve until the process is stopped."""
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    ministack.app = Gate(
        ministack.app,
        host=f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}",
        secrets={os.environ["AWS_ACCESS_KEY_ID"]: secret, os.environ[_FUNCTIONS_KEY]: secret},
    )
    Worker._drain_stderr_bounded = _whole_log  # noqa: SLF001
    ministack.main()


def _whole_log(worker: Worker, **limits: float) -> str:
    if worker.config.get("Runtime", "").startswith("python"):
        return read_until(os.environ[END_OF_LOG], worker._stderr_queue, worker._stderr_thread)  # noqa: SLF001
    log: str = _briefly(worker, **limits)
    return log
