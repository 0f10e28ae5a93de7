"""What is made again in each environment that Lambda resumes from a snapshot, as SnapStart has it.

A snapshot is taken when a version is published, and resumed later, elsewhere and often. What was made before is the
same in all of them, and as old: clients with their credentials and connections, threads, and random numbers.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
SNAP_START = "snap-start"


def after_restore(renew: Callable[[], None]) -> None:
    """Have something done in each environment that is resumed; nothing where no snapshot is taken.

    Args:
        renew: What to do. It must not raise, or Lambda gives the environment up.
    """
    if os.environ.get(INITIALIZATION_TYPE) != SNAP_START:
        return
    import random  # noqa: PLC0415 - a cold start does without

    from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - is in Lambda's image

    register_after_restore(random.seed)
    register_after_restore(renew)
