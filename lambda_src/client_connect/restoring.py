"""The objects that are made again in each environment that Lambda resumes from a snapshot, as SnapStart has it.

A snapshot is taken when a version is published, and resumed later, elsewhere and often. What was made before is the
same in all of them, and as old: clients with their credentials and connections, threads, and random numbers.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from snapshot_restore_py import register_after_restore  # is in Lambda's image

if TYPE_CHECKING:
    from collections.abc import Callable


def after_restore(renew: Callable[[], None]) -> None:
    """Have something done in each environment that is resumed.

    Args:
        renew: What to do. It must not raise, or Lambda gives the environment up.
    """
    register_after_restore(random.seed)
    register_after_restore(renew)
