"""The re-authorizer's function in its own process, as Lambda runs it.

``python -m local_aws.reauthorizer_process POLICIES SECONDS SPEED`` runs it once, in an environment that names its
tables and endpoints, and prints what it logs, and the most memory that it took.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from client_connect import bundled_files
from client_connect.reauthorizer import handler as reauthorization
from client_connect.reauthorizer.deadline import Deadline


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        print(json.dumps({"message": record.getMessage(), **{key: fields.get(key) for key in _KEYS}}))


_KEYS = (
    "run",
    "scan",
    "connection",
    "Terminated",
    "Reauthorized",
    "LeftAlone",
    "Undecided",
    "CapExceeded",
    "RunTime",
)


def main(policies: Path, seconds: float, speed: float) -> None:
    """Run once.

    Args:
        policies: A folder with ``policies.cedar``, in the place of the bundle.
        seconds: The function's timeout.
        speed: How much faster than the real clock that of the API is; pauses are so much shorter.
    """
    logging.getLogger("client_connect").addHandler(_Lines())
    deadline = time.monotonic() + seconds
    context = SimpleNamespace(
        function_name="reauthorizer",
        get_remaining_time_in_millis=lambda: int((deadline - time.monotonic()) * 1000),
    )
    bundled_files.BUNDLE = str(policies)
    faster = partial(Deadline, reserve_s=min(20, seconds / 10), sleep=lambda pause: time.sleep(pause / speed))
    with mock.patch.object(reauthorization, "Deadline", faster):
        reauthorization.handler({}, context)
    print(json.dumps({"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
