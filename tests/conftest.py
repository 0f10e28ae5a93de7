"""Shared by all tests."""

from __future__ import annotations

import functools
import gc
import os
from typing import TYPE_CHECKING

import botocore.session
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# Before any test imports the CDK, whose Node process reads it: a deprecated API fails, and does not only warn.
os.environ["JSII_DEPRECATED"] = "fail"

# Thousands of tests and the CDK are millions of objects that live as long as the process. The garbage collector looked
# at all of them again and again, which took a third of the time of the tests.
gc.disable()

# The models of AWS's services are read once, not by each session that a test or a program under test makes.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# How much chance is tried: some for each change, much in `make proof`. No test may depend on an idle machine.
for name, examples in (("change", 50), ("proof", 1000)):
    settings.register_profile(
        name, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("change")


# A deployment waits for more than half of its time, mostly while the CDK's command line asks how far it is.
_WAITING = 2


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes ``-n auto`` starts: one for each core, and two for the time that others wait."""
    return (os.cpu_count() or 1) + _WAITING


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest at a time, or one process would end long after the others."""
    items.sort(key=lambda item: "wheel" not in item.keywords)


def pytest_collection_finish() -> None:
    """Let the garbage collector work on what tests make, and no longer on what was there before the first of them."""
    gc.collect()
    gc.freeze()
    gc.enable()
