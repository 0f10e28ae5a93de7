"""The handler decides as Cedar's own build for Node does, on requests that are built from the documentation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from client_connect.engine import authorizer
from client_connect.facts import Facts
from proof.differential.comparison import Disagreement, compare


@pytest.mark.proof
def test_random_connections_are_decided_alike() -> None:
    """``make fuzz`` compares a hundred thousand. Each outcome occurs often enough to mean something."""
    cases = 10 * settings().max_examples
    counts = compare(cases, seed=2026)
    assert counts["cases"] == cases
    for outcome in ("allowed", "denied", "errors", "by a forbid", "in shadow mode"):
        assert counts[outcome] > cases / 20, counts


# With these seeds, a few connections are enough.
@pytest.mark.parametrize(("fact", "shift", "seed"), [("weekday", 1, 13), ("minuteOfDay", 540, 20)])
def test_a_wrong_fact_is_a_disagreement(
    fact: str, shift: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the comparison can fail: of one fact that is wrong, some decision differs."""
    right = Facts._time

    def wrong(facts: Facts) -> dict[str, object]:
        time = right(facts)
        return time | {fact: time[fact] + shift}

    monkeypatch.setattr(Facts, "_time", wrong)
    with pytest.raises(Disagreement, match='"policies": '):
        compare(2000, seed=seed)


def test_an_error_that_does_not_deny_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cedar itself skips a policy that errs; the documentation says that it denies."""
    right = authorizer._Outcome.of

    def lenient(answer: dict[str, Any]) -> authorizer._Outcome:
        return right({**answer, "diagnostics": {**answer["diagnostics"], "errors": []}})

    monkeypatch.setattr(authorizer._Outcome, "of", lenient)
    with pytest.raises(Disagreement):
        compare(2000, seed=1)
