"""The expectations of a policy test on the decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDecision:
    """The expectations of a policy test; ``None`` allows anything.

    Attributes:
        allowed: Whether the connection is allowed.
        by: Exactly the ids of the policies that make the decision, sorted.
        message: The policies' message for a denied client.
        statuses: Exactly the posture compliance statuses, sorted.
        shadow_denied: Exactly the ids of the forbids in shadow mode that apply, sorted.
        shadow_allowed: Exactly the ids of the permits in shadow mode that apply, sorted.
        errors: Whether a policy cannot be evaluated, including those in shadow mode; or texts, each of them part of an
            error. ``None`` expects no error of an enforced policy.
    """

    allowed: bool
    by: tuple[str, ...] | None = None
    message: str | None = None
    statuses: tuple[str, ...] | None = None
    shadow_denied: tuple[str, ...] | None = None
    shadow_allowed: tuple[str, ...] | None = None
    errors: bool | tuple[str, ...] | None = None
