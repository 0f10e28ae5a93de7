"""Memory: what an invocation takes is given back. ``python -m proof.benchmarks.memory`` shows it over a million."""

from __future__ import annotations

import gc
import tracemalloc
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

from client_connect import Device
from client_connect.handler import ConnectHandler, start
from client_connect.settings import Settings
from client_connect.sources.items import device_item
from tests.support.events import connect_handler, event, lambda_context
from tests.support.fact_sources import handler_with, inventory
from tests.support.log_lines import captured
from tests.support.oracle import POLICIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_connect import Decision, Facts
    from tests.support.log_lines import Log

pytestmark = pytest.mark.usefixtures("silent")

INVOCATIONS = 300
# A name kept of each would be more, in each round. What is measured is not quite still: some bytes come once, and stay.
ALLOWED_GROWTH = 60 * INVOCATIONS
ROUNDS = 6


def failing(_facts: Facts) -> Decision:
    """Decide nothing, for an exception."""
    raise LookupError("broken")


HANDLERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "allowed": (connect_handler(), {}),
    "denied": (connect_handler(POLICIES), {"platform": "mac"}),
    "a policy that errs": (connect_handler(POLICIES), {"platform": "ios"}),
    "an exception": (ConnectHandler(failing, Settings()), {}),
    "no start": (start(), {}),  # outside of a bundle there are no policies
    "no request": (connect_handler(), {"public_ip": "nonsense"}),
    "an inventory": (handler_with(inventory(("d", device_item("laptop-1", Device())))), {}),
}


@pytest.mark.parametrize("name", HANDLERS)
def test_an_invocation_leaves_nothing_behind(name: str) -> None:
    """Of ever new users, in whatever way it ends."""
    handler, changes = HANDLERS[name]
    users = count()

    def run(log: Log) -> int:
        """Invoke, and return the bytes that Python holds then."""
        for user in islice(users, INVOCATIONS):
            sent = event(username=f"user-{user}\u202e", groups=[f"group-{user}"], **changes)
            handler(sent, lambda_context())
            log.lines.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    with captured() as log:
        run(log)
        tracemalloc.start()
        try:
            held = [run(log)]
            growth = ALLOWED_GROWTH
            while growth >= ALLOWED_GROWTH and len(held) <= ROUNDS:
                held.append(run(log))
                growth = held[-1] - held[-2]
            assert growth < ALLOWED_GROWTH, held
        finally:
            tracemalloc.stop()
