"""The annotations of a policy: those with an effect, comments, and all others, which are mistakes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from client_connect.blocks import RESERVED_IDS
from client_connect.response import MAX_STATUS_LENGTH
from client_connect.shortening import length
from client_connect_tools.guardrails import MARK as GUARDRAIL
from client_connect_tools.inputs import messages
from client_connect_tools.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from cedarpy import pst

ID, MESSAGE, STATUS, SHADOW, IGNORE = "id", "message", "status", "shadow", "ignore"
EFFECTIVE = (ID, MESSAGE, STATUS, SHADOW, IGNORE, GUARDRAIL)
COMMENTS = (
    *("note", "comment", "description", "title", "reason", "owner", "author", "reviewer", "contact"),
    *("ticket", "issue", "link", "see", "source", "since", "created", "changed", "version"),
)
"""The annotations that say something to readers only."""

_SHOWN = (MESSAGE, STATUS)
_SEPARATORS = re.compile(r"[\s,]+")
_AN_END = (
    "a policy does not end by itself; write `when { context.time.now < "
    'datetime("2027-03-01T00:00:00Z") }`, and give the reason in @note'
)
_A_SWITCH = "every policy in a file is enforced; write @shadow to try it, or remove the policy"
_A_BEGINNING = (
    'write `when { context.time.now >= datetime("2027-03-01T00:00:00Z") }`, and give the reason in @note'
)
# Names that authors believe to be annotations with an effect.
_INSTEAD = {
    **dict.fromkeys(
        ("expires", "expiry", "expiration", "until", "end", "ends", "valid_until", "ttl"), _AN_END
    ),
    **dict.fromkeys(("enabled", "disabled", "active", "enforced", "enforce", "mode", "state"), _A_SWITCH),
    **dict.fromkeys(("start", "starts", "begin", "begins", "valid_from", "not_before"), _A_BEGINNING),
    "effect": "a policy begins with permit or forbid",
    "priority": "every forbid that applies denies, whatever its place; write conditions",
    "advice": "what the user is told is @message",
    "name": "the name of a policy is its @id",
}


def ignored(policy: pst.Template) -> frozenset[str]:
    """Return the names of the lints that ``@ignore`` switches off for a policy."""
    return frozenset(filter(None, _SEPARATORS.split(policy.annotations.get(IGNORE, ""))))


def annotation_problems(
    policy: pst.Template, custom: Mapping[str, str] | None, lints: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the annotations of a policy, each with the rule's name before.

    Args:
        policy: The policy.
        custom: The types of the extra facts, which messages may name; ``None`` when they are not known.
        lints: The names that ``@ignore`` may have.
    """
    annotations = policy.annotations
    if not annotations.get(ID):
        why = "so logs and waivers can name it"
        yield "missing-id", f'the {policy.effect} has no @id; add @id("...") before it, {why}'
    if annotations.get(ID, "").startswith(RESERVED_IDS):
        yield (
            "reserved-id",
            f'the @id begins with "{RESERVED_IDS}", as records name what is no policy; give it another one',
        )
    for name in _SHOWN:
        if name in annotations and not annotations[name]:
            yield "empty-annotation", f"@{name} is empty; give it a text, or leave it out"
    for rule, problem in messages.problems(annotations.get(MESSAGE, ""), custom):
        yield rule, f"@message {problem}"
    if (size := length(annotations.get(STATUS, ""))) > MAX_STATUS_LENGTH:
        yield (
            "too-long",
            f"@status has {size} characters; Client VPN takes at most {MAX_STATUS_LENGTH}, so shorten it",
        )
    if value := annotations.get(SHADOW):
        what = "write @shadow, or leave it out to enforce the policy"
        yield "shadow-with-value", f'@shadow("{value}") has a value; {what}'
    yield from _unknown_lints(policy, lints)
    for name in sorted(annotations.keys() - {*EFFECTIVE, *COMMENTS}):
        yield "unknown-annotation", f"@{name} has no effect; {_instead(name)}"


def _unknown_lints(policy: pst.Template, lints: Collection[str]) -> Iterator[tuple[str, str]]:
    if IGNORE in policy.annotations and not ignored(policy):
        yield "unknown-lint", "@ignore names no lint; give it the name of one, or leave it out"
    for name in sorted(ignored(policy) - set(lints)):
        near = nearest(name, lints)
        instead = f'write "{near}"' if near else f"there are {', '.join(lints)}"
        yield "unknown-lint", f'@ignore has "{name}", which is no lint; {instead}'


def _instead(name: str) -> str:
    lower = name.lower()
    if lower in _INSTEAD:
        return _INSTEAD[lower]
    if lower in EFFECTIVE:
        return f"write @{lower}"
    if near := nearest(name, (*EFFECTIVE, *COMMENTS)):
        return f"write @{near}, or @note for a comment"
    return f"write @note for a comment ({', '.join(f'@{each}' for each in COMMENTS[1:])} are comments too)"
