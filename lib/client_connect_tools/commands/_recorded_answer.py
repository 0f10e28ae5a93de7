"""The recorded decision, next to the policies' decision now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from client_connect.printable import printable
from client_connect_tools.commands._explanation_text import condition_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_connect import Facts
    from client_connect_tools.commands._record import Recorded
    from client_connect_tools.explanation import Explanation, PolicyExplanation

_BLOCKED = "client-connect:blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """An answer of then, and the one of now.

    Attributes:
        recorded: The record.
        facts: What is decided now: the record's facts, unless options replace some.
        explanation: What is decided now.
        replaced: The options that say something else than the record.
        digest: The digest of the policies that decide now.
    """

    recorded: Recorded
    facts: Facts
    explanation: Explanation
    replaced: tuple[str, ...]
    digest: str

    @property
    def is_same(self) -> bool:
        """Whether the policies allow, or deny, now as then."""
        return self.recorded.attempt.allowed is self.explanation.decision.allowed

    @property
    def difference(self) -> tuple[str, ...]:
        """The policies that made the difference; where the answer is the same, those that decide in only one case."""
        then, now = set(self.recorded.attempt.determining), set(self.explanation.decision.determining)
        gone, new = tuple(sorted(then - now)), tuple(sorted(now - then))
        if self.is_same:
            return (*gone, *new)
        return (new or gone) if self.recorded.attempt.allowed else (gone or new)

    def lines(self) -> Iterator[Text]:
        """Yield both answers, and what is behind a difference."""
        yield Text("record: ", "bold") + self._then()
        yield Text("now: ", "bold") + self._now()
        for id_ in self.difference:
            yield Text(f"  {printable(id_)}: ") + self._role(id_)
        for note in self._notes():
            yield Text(printable(note), "yellow")
        yield Text()

    def document(self) -> dict[str, Any]:
        """Return the same for programs."""
        attempt, entry = self.recorded.attempt, self.recorded.entry
        return {
            "at": entry.get("at"),
            "allow": attempt.answered,
            "allowed": attempt.allowed,
            "determining": list(attempt.determining),
            "message": self._message,
            "policies": self._digest_then,
            "same": self.is_same,
            "samePolicies": self._has_same_policies,
            "difference": [
                {"policy": id_, "now": str(self._role(id_))} for id_ in map(printable, self.difference)
            ],
            "replaced": list(self.replaced),
            "notes": [printable(note) for note in self._notes()],
        }

    @property
    def _message(self) -> str:
        decision = self.recorded.entry.get("decision")
        message = decision.get("message") if isinstance(decision, dict) else None
        return message if isinstance(message, str) else ""

    @property
    def _digest_then(self) -> str:
        return str(self.recorded.entry.get("policies", ""))

    @property
    def _has_same_policies(self) -> bool | None:
        """Whether the policies are those that decided then; nothing where the record does not say."""
        return self.digest.startswith(self._digest_then) if self._digest_then else None

    def _then(self) -> Text:
        attempt = self.recorded.attempt
        local = attempt.facts._replace(time_zone=self.facts.time_zone).local_time
        text = _word(allowed=attempt.allowed) + Text(
            f" on {local:%A} {local.isoformat(' ', 'seconds')}{self._by()}"
        )
        if attempt.answered and not attempt.allowed:
            text += Text(", let in only because of shadow mode", "yellow")
        return text + Text(f': "{printable(self._message)}"') if self._message else text

    def _by(self) -> str:
        attempt = self.recorded.attempt
        if _BLOCKED in attempt.determining:
            return " because of a block"
        if attempt.erred:
            return " because a policy could not be evaluated"
        names = ", ".join(map(printable, attempt.determining))
        return f" by {names}" if names else ": no permit applied"

    def _now(self) -> Text:
        if not self.is_same:
            word = _word(allowed=self.explanation.decision.allowed)
            made = ", ".join(map(printable, self.difference))
            return word + Text(f", which is different; {made or 'no policy'} made the difference")
        return Text("the same answer" + (", decided by other policies" if self.difference else ""))

    def _role(self, id_: str) -> Text:
        """Return what a policy has to do with the answer of now."""
        explained = next((each for each in self.explanation.policies if each.policy.id == id_), None)
        if explained is None:
            return Text("decided then, and is not among the policies given")
        if explained.determining:
            verb = "permits" if explained.policy.effect == "permit" else "denies"
            return Text(f"{verb} now, and did not decide then")
        return Text("decided then, ") + _why_not(explained)

    def _notes(self) -> Iterator[str]:
        if not self.recorded.has_facts:
            yield (
                'the record has no "facts", as a handler of today writes them: its zone, device, waivers and the '
                "like are not known, and are taken as none"
            )
        if self.replaced:
            yield f"decided with {', '.join(self.replaced)} in place of what the record says"
        if self._has_same_policies is False:
            yield (
                f"the policies given are not those that decided then (digest {self.digest}, then {self._digest_then})"
            )
        elif self._has_same_policies and not (self.replaced or (self.is_same and not self.difference)):
            yield "the policies are those that decided then, by their digest"
        yield from self._networks()

    def _networks(self) -> Iterator[str]:
        then, now = self.recorded.networks, tuple(sorted(self.facts.networks or ()))
        if then != now:
            before, after = ", ".join(then) or "none", ", ".join(now) or "none"
            yield f"the address was in these named networks then: {before}; now: {after}"


def _why_not(explained: PolicyExplanation) -> Text:
    reason, policy = explained.reason, explained.policy
    if reason is None:
        return Text("is in shadow mode now" if policy.shadow else "applies now, but does not decide")
    if reason.waived:
        return Text("is waived now")
    return Text("does not apply now: ") + condition_text(reason.condition)


def _word(*, allowed: bool) -> Text:
    return Text("allowed", "bold green") if allowed else Text("denied", "bold red")
