"""Events of every shape, made to follow the coverage of the handler: whatever comes, it keeps what it promises.

Atheris changes the bytes of the events wherever that reaches code that was not reached before. Each
event goes to a handler that enforces its policies and to one in shadow mode. What they promise is written in
``tests/support/oracle.py``. An event that breaks it is printed as JSON, and ends the run.

    python -m proof.fuzz [EVENTS]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["client_connect"]):
    from tests.support.events import VERSIONS, event
    from tests.support.log_lines import Log, captured
    from tests.support.oracle import FIELDS, NEAR, hold_enforcing, hold_shadowing, is_request

if TYPE_CHECKING:
    from collections.abc import Callable

MILLION = 1_000_000
LONGEST_TEXT = 300
KEYS = (*FIELDS, "surprise", "")


def text(data: atheris.FuzzedDataProvider) -> str:
    """Make a text: one that an event may nearly hold, or any, lone surrogates too."""
    if data.ConsumeBool():
        near: str = data.PickValueInList(list(NEAR))
        return near
    any_text: str = data.ConsumeUnicode(data.ConsumeIntInRange(0, LONGEST_TEXT))
    return any_text


def value(data: atheris.FuzzedDataProvider, depth: int = 3) -> object:
    """Make a value of JSON."""
    makers: list[Callable[[], object]] = [
        lambda: None,
        lambda: text(data),
        data.ConsumeBool,
        lambda: data.ConsumeInt(9),
        data.ConsumeFloat,
    ]
    if depth:
        items = range(data.ConsumeIntInRange(0, 4))
        makers += [
            lambda: [value(data, depth - 1) for _ in items],
            lambda: {text(data): value(data, depth - 1) for _ in items},
        ]
    maker: Callable[[], object] = data.PickValueInList(makers)
    return maker()


def changed_request(data: atheris.FuzzedDataProvider) -> dict[str, object]:
    """Make a valid request and change some of its fields."""
    sent: dict[str, object] = event(data.PickValueInList(list(VERSIONS)))
    for _ in range(data.ConsumeIntInRange(0, 4)):
        key = data.PickValueInList(list(KEYS))
        change = data.ConsumeIntInRange(0, 3)
        if change == 0:
            sent.pop(key, None)
        elif change == 1:
            sent[key] = value(data)
        elif change == 2:
            sent[key] = [text(data) for _ in range(data.ConsumeIntInRange(0, 3))]
        else:
            sent[key] = text(data)
    return sent


def made(raw: bytes) -> object:
    """Make an event of bytes: of ten, nine are requests with changes."""
    data = atheris.FuzzedDataProvider(raw)
    return value(data) if data.ConsumeIntInRange(0, 9) == 9 else changed_request(data)


class Campaign:
    """One run of the fuzzer.

    Args:
        log: What the handlers log.
        events: How many events the run has.
    """

    def __init__(self, log: Log, *, events: int) -> None:
        self._log = log
        self._events = events
        self._counts: Counter[str] = Counter()
        self._started = perf_counter()

    def send(self, raw: bytes) -> None:
        """Send one event, and hold the answers and the records against what is promised."""
        sent = made(raw)
        try:
            allowed = hold_enforcing(sent, self._log)
            hold_shadowing(sent, self._log)
        except Exception:
            print(f"the handler breaks its promise for this event:\n{json.dumps(sent)}", flush=True)
            raise
        self._counts.update(events=1, requests=is_request(sent), allowed=allowed, denied=not allowed)
        if self._counts["events"] == self._events:
            self._report()

    def _report(self) -> None:
        counts = ", ".join(f"{number:,} {name}" for name, number in self._counts.items())
        print(f"no promise broken: {counts}; {perf_counter() - self._started:.0f} s", flush=True)


def main() -> None:
    """Send the events; the fuzzer's own last line has the coverage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", type=int, nargs="?", default=MILLION)
    events = parser.parse_args().events
    with captured() as log:
        options = [f"-runs={events}", "-max_len=1024", "-len_control=0", f"-exact_artifact_path={os.devnull}"]
        atheris.Setup([sys.argv[0], *options], Campaign(log, events=events).send)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
