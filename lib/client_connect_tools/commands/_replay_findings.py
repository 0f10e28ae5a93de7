"""The result of a replay as findings of policies, for the forms that pipelines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from client_connect_tools.cedar.parsing import parse
from client_connect_tools.finding import Finding
from client_connect_tools.replay.tally import NO_PERMIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_connect_tools.policies import Policies
    from client_connect_tools.replay.people import Person
    from client_connect_tools.replay.tally import Change, Tally
    from client_connect_tools.reports.junit import Case

NEWLY_DENIED, NEWLY_ALLOWED, UNDECIDABLE = "newly-denied", "newly-allowed", "undecidable"
_Severity = Literal["error", "warning"]
_Places = dict[str, tuple[str, int, int]]
_MOST_NAMES = 3


def findings(
    tally: Tally, policies: Policies, *, allow_change: bool, allow_undecidable: bool
) -> list[Finding]:
    """Return a finding for each policy that changes a decision or could not decide, in the order of the lines.

    Args:
        tally: What a replay found.
        policies: The new policies, at which the findings point; what concerns none of them points at the first.
        allow_change: Whether a change is a warning.
        allow_undecidable: Whether a missing decision is one.
    """
    places = _places(policies)
    changed: _Severity = "warning" if allow_change else "error"
    found = [
        *_of_change(tally.newly_denied, NEWLY_DENIED, "denied", places, changed),
        *_of_change(tally.newly_allowed, NEWLY_ALLOWED, "allowed", places, changed),
        *_undecidable(tally, places, "warning" if allow_undecidable else "error"),
    ]
    return sorted(found, key=lambda each: (each.file, each.line, each.column, each.rule))


def cases(found: list[Finding], policies: Policies) -> Iterator[Case]:
    """Yield a case for each policy without findings, and for each finding that is an error."""
    from client_connect_tools.reports.junit import Case

    about = {each.policy for each in found}
    for id_, (file, _, _) in _places(policies).items():
        if id_ and id_ not in about:
            yield Case(file, id_)
    for each in found:
        failure = each.message if each.severity == "error" else ""
        yield Case(each.file, f"{each.policy or 'no policy'}: {each.rule}", failure, str(each))


def _places(policies: Policies) -> _Places:
    """Return where each policy begins; under the empty id, where the first does."""
    found = [
        (each.id, (each.file, each.statement.line, each.statement.column)) for each in parse(policies.sources)
    ]
    return {**dict(found), "": found[0][1] if found else (policies.sources[0].name, 1, 1)}


def _of_change(
    change: Change, rule: str, verb: str, places: _Places, severity: _Severity
) -> Iterator[Finding]:
    was = "denied" if verb == "allowed" else "allowed"
    for name, row in change.by_policy.top():
        message = (
            f"{_count(row.count, 'connection')}{_of(row.people)} that {_was(row.count)} {was} would be {verb}"
        )
        yield _finding(name, rule, f"{message}{_why(name, verb, places)}", places, severity)


def _why(name: str | None, verb: str, places: _Places) -> str:
    """Return which policy it is, unless the finding is at it."""
    if verb == "allowed":
        return "" if name in (None, NO_PERMIT) else f", which {name} denied before"
    if name in places:
        return ""
    return " (no permit applies)" if name == NO_PERMIT else f" ({name or 'by other policies'})"


def _undecidable(tally: Tally, places: _Places, severity: _Severity) -> Iterator[Finding]:
    for name, row in tally.blamed["new"].top():
        message = f"{_count(row.count, 'connection')} cannot be decided, because the log lacks {', '.join(row.notes)}"
        yield _finding(name, UNDECIDABLE, message, places, severity)
    for reason, count in sorted(tally.unreadable.items()):
        message = f"{_count(count, 'connection')} cannot be decided: {reason}"
        yield _finding("", UNDECIDABLE, message, places, severity)


def _finding(
    name: str | None,
    rule: str,
    message: str,
    places: _Places,
    severity: _Severity,
) -> Finding:
    file, line, column = places.get(name or "") or places[""]
    policy = name if name and name in places else ""
    return Finding(
        file=file, line=line, column=column, policy=policy, rule=rule, severity=severity, message=message
    )


def _of(people: Collection[Person]) -> str:
    names = sorted(f"{each.name} (device)" if each.is_device else each.name for each in people)
    named, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f" of {named}{f' and {more:,} more' if more > 0 else ''}" if names else ""


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _count(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
