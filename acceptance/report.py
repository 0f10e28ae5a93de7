"""The result of a run, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from acceptance.anonymous import anonymous
from acceptance.claims import FAILURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acceptance.claims import Observed, Verdict

_STYLES = {"passed": "green", "failed": "red", "no answer": "red", "not here": "dim", "not seen": "yellow"}


def table(verdicts: Sequence[Verdict]) -> Table:
    """Return the verdicts as a table."""
    made = Table("check", "", "the documentation says", show_lines=True)
    for verdict in verdicts:
        claim = verdict.claim
        said = f"[bold]{escape(claim.page)}[/]: {escape(claim.sentence)}"
        if verdict.reason:
            said += f"\n[{_STYLES[verdict.status]}]{escape(verdict.reason)}[/]"
        made.add_row(escape(claim.name), f"[{_STYLES[verdict.status]}]{verdict.status}[/]", said)
    return made


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many claims have which verdict."""
    counts = Counter[str](verdict.status for verdict in verdicts)
    return ", ".join(f"{counts[status]} {status}" for status in _STYLES if counts[status])


def failures(verdicts: Sequence[Verdict]) -> list[str]:
    """Return what is wrong: the sentence of each claim that failed, and what contradicts it."""
    return [
        f'{verdict.claim.page} says "{verdict.claim.sentence}", but {verdict.reason}'
        for verdict in verdicts
        if verdict.status in FAILURES
    ]


def document(*, run: str, place: str, observed: Observed, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the report as JSON has it, without what identifies the account or its network."""
    made = {
        "run": run,
        "place": place,
        "isAws": observed.is_aws,
        "claims": [
            {
                "name": verdict.claim.name,
                "status": verdict.status,
                "page": verdict.claim.page,
                "sentence": verdict.claim.sentence,
                "proof": verdict.claim.proof,
                "reason": verdict.reason,
            }
            for verdict in verdicts
        ],
        "observations": observed.values,
        "errors": observed.errors,
    }
    hidden = anonymous(made)
    assert isinstance(hidden, dict)  # noqa: S101 - for the type checker
    return hidden
