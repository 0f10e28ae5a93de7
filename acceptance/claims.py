"""Claims: sentences of the documentation, each with what is observed of it and how that is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acceptance.sandbox import Sandbox

# "not here" needs AWS; "not seen" did not happen in this run; "no answer" could not be observed, and fails a run too.
Status = Literal["passed", "failed", "not here", "not seen", "no answer"]
FAILURES: tuple[Status, ...] = ("failed", "no answer")


class NotSeen(Exception):
    """The subject of a claim did not happen in this run; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something that is looked at in a run.

    Attributes:
        name: The key of its value in the report.
        title: What is done, for whoever looks on.
        observe: Returns what was observed, as JSON has it.
        needs_aws: Whether it can be looked at on AWS only.
        after_removal: Whether it is looked at when everything has been removed.
    """

    name: str
    title: str
    observe: Callable[[Sandbox], Any]
    needs_aws: bool = False
    after_removal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of the documentation.

    Attributes:
        name: Its name in the report.
        page: The file that has the sentence.
        sentence: The sentence, as it stands there.
        proof: What is looked at.
        reads: The observations that it is judged by.
        problem: Returns what contradicts the sentence, by the values of these observations, or ``None``.
        needs_aws: Whether only AWS can show it; elsewhere the parts that stand for AWS would prove themselves.
    """

    name: str
    page: str
    sentence: str
    proof: str
    reads: tuple[str, ...]
    problem: Callable[..., str | None]
    needs_aws: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The observations of a run.

    Attributes:
        is_aws: Whether that was on AWS.
        values: The values, by the names of the observations.
        errors: Why other observations have none.
    """

    is_aws: bool
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict of a run on a claim.

    Attributes:
        claim: The claim.
        status: The verdict.
        reason: What contradicts the sentence, or why there is no verdict.
    """

    claim: Claim
    status: Status
    reason: str = ""


def judge(claim: Claim, observed: Observed) -> Verdict:
    """Judge a claim by what was observed."""
    if claim.needs_aws and not observed.is_aws:
        return Verdict(claim=claim, status="not here", reason="only AWS can show it")
    if missing := [name for name in claim.reads if name not in observed.values]:
        reason = "; ".join(f"{name}: {observed.errors.get(name, 'was not observed')}" for name in missing)
        return Verdict(claim=claim, status="no answer", reason=reason)
    return _judged(claim, observed.values)


def _judged(claim: Claim, values: Mapping[str, Any]) -> Verdict:
    try:
        problem = claim.problem(*(values[name] for name in claim.reads))
    except NotSeen as unseen:
        return Verdict(claim=claim, status="not seen", reason=str(unseen))
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:  # an answer in a form that was not expected
        reason = f"what was observed has an unexpected form: {type(error).__name__}: {error}"
        return Verdict(claim=claim, status="no answer", reason=reason)
    return Verdict(claim=claim, status="failed" if problem else "passed", reason=problem or "")
