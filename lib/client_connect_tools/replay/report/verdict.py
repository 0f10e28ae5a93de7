"""The result of a replay, in a sentence or two that come before everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect.printable import printable
from client_connect_tools.replay.report.labels import number, share
from client_connect_tools.replay.tally import NO_PERMIT, NOT_LOGGED, POLICY_ERROR

if TYPE_CHECKING:
    from client_connect_tools.replay.tally import Change, Tally


def verdict(tally: Tally) -> str:
    """Return how many connections and people would be decided otherwise, and by what."""
    changed = [
        text
        for text in (
            _changed(tally, tally.newly_denied, "lose", _deniers(tally.newly_denied)),
            _changed(tally, tally.newly_allowed, "gain", _deniers_before(tally.newly_allowed)),
        )
        if text
    ]
    sentences = ["; ".join(changed) + "."] if changed else [_unchanged(tally)]
    if never := never_let_in(tally):
        sentences.append(_never(never, tally.newly_denied.people))
    if undecided := tally.undecidable:
        sentences.append(f"{_connections(undecided)} cannot be decided, so this is not all.")
    return printable(" ".join(sentences))


def never_let_in(tally: Tally) -> int:
    """Return how many of those who lose access lose it at each of their connections."""
    return sum(map(tally.people.is_never_let_in, tally.newly_denied.by_person.rows))


def people_text(count: int, tally: Tally) -> str:
    """Return the number and kind: people, or the devices of connections without a user."""
    kinds = {person.is_device for person in tally.people}
    one, many = {
        frozenset({True}): ("device", "devices"),
        frozenset({True, False}): ("person or device", "people and devices"),
    }.get(frozenset(kinds), ("person", "people"))
    return f"{number(count)} {one if count == 1 else many}"


def _changed(tally: Tally, change: Change, verb: str, by: str) -> str:
    if not change.count:
        return ""
    percent = share(change.count, tally.attempts).replace(".0%", "%")
    total = people_text(len(tally.people), tally)
    more = "more than " if tally.people.is_cut else ""
    return f"{percent} of connections, {number(change.people)} of {more}{total}, would {verb} access, {by}"


def _unchanged(tally: Tally) -> str:
    decided = tally.allowed + tally.denied
    if not decided:
        return "Nothing is known of who would lose or gain access."
    as_before = (
        f"{_connections(decided)} of {people_text(len(tally.people), tally)} would be decided as before"
    )
    return f"No one {'is known to' if tally.undecidable else 'would'} lose or gain access: {as_before}."


def _never(never: int, losing: int) -> str:
    if losing == 1:
        return "The one who loses access would be denied at each connection."
    who = "All" if never == losing else number(never)
    return f"{who} of those who lose access would be denied at each of their connections."


def _deniers(change: Change) -> str:
    name, most = _most(change)
    reason = {NO_PERMIT: "because no permit applies", POLICY_ERROR: "because a policy cannot be evaluated"}
    return f"{most}{reason.get(name, f'by {name}')}"


def _deniers_before(change: Change) -> str:
    name, most = _most(change)
    reason = {
        NO_PERMIT: "denied before because no permit applied",
        POLICY_ERROR: "denied before because a policy could not be evaluated",
        NOT_LOGGED: "denied before by policies that the log does not name",
    }
    return f"{most}{reason.get(name, f'denied before by {name}')}"


def _most(change: Change) -> tuple[str, str]:
    """Return the policy that concerns most people, and how many of them it does."""
    name, row = next(iter(change.by_policy.top(1)), (None, None))
    if name is None or row is None:
        return "", ""
    count = len(row.people)
    if change.people == 1:
        return name, ""
    if count == change.people:
        return name, "all of them "
    return name, "most of them " if 2 * count > change.people else f"{number(count)} of them "


def _connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{number(count)} connections"
