"""The decision: Cedar policies over the facts of a connection."""

from __future__ import annotations

import json

from client_connect.blocks import BLOCKED, BLOCKS_UNKNOWN, UNKNOWN_DENIAL
from client_connect.engine import cedar
from client_connect.engine.policy_reads import GROUPS, may_read, parts_of
from client_connect.engine.policy_set import InvalidPolicySet, PolicySet
from client_connect.engine.schema import required_attributes, schema_text
from client_connect.light_typing import TYPE_CHECKING, NamedTuple
from client_connect.response import MAX_MESSAGE_LENGTH
from client_connect.settings import ERROR_DENIAL
from client_connect.shortening import length

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from client_connect.facts import Facts
    from client_connect.networks import Networks


class Decision(NamedTuple):
    """The verdict of the policies on a connection.

    Attributes:
        allowed: Whether the connection may be established. ``False`` whenever there are ``errors``.
        determining: Ids of the policies that made the decision, sorted; none when no permit applied.
        message: The messages of the determining forbids, in the order of their ids: with the values of
            placeholders, and as much as Client VPN takes.
        statuses: The posture compliance statuses of the determining policies, in the order of their ids.
        shadow_denied: Ids of the forbids in shadow mode that applied, sorted.
        shadow_allowed: Ids of the permits in shadow mode that applied, sorted.
        shadow_errors: Why policies in shadow mode could not be evaluated. They change nothing.
        errors: Why the enforced policies could not be evaluated. Cedar itself only skips such a policy,
            a forbid too; here any error denies.
        waived: Ids of the forbids that would have applied but for a waiver, sorted.
        guardrails: Ids of the determining policies that are guardrails, sorted.
    """

    allowed: bool
    determining: tuple[str, ...] = ()
    message: str = ""
    statuses: tuple[str, ...] = ()
    shadow_denied: tuple[str, ...] = ()
    shadow_allowed: tuple[str, ...] = ()
    shadow_errors: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a block denies it, of the device or the user: that holds in shadow mode, too."""
        return self.determining == (BLOCKED,)

    def to_record(self) -> dict[str, Any]:
        """Return the decision as decision records have it."""
        record = {
            "allowed": self.allowed,
            "determining": self.determining,
            "message": self.message,
            "statuses": self.statuses,
            "shadowDenied": self.shadow_denied,
            "shadowAllowed": self.shadow_allowed,
            "shadowErrors": self.shadow_errors,
            "errors": self.errors,
            "waived": self.waived,
        }
        return record | {"guardrails": self.guardrails} if self.guardrails else record

    def denial_message(self, default_message: str, facts: Facts | None = None) -> str:
        """Return the message for a denied client: that of the policies, the default one, or the one for errors.

        Args:
            default_message: The default message.
            facts: The connection, for the placeholders of the default message. Default: they stay as they are.
        """
        if self.errors:
            return ERROR_DENIAL
        return self.message or (default_message if facts is None else _message([default_message], facts))


class Authorizer:
    """Decides connections by a set of Cedar policies, parsed once.

    Examples:
        >>> authorizer = Authorizer('@id("all") permit (principal, action, resource);')

    Args:
        policies: Cedar policies over ``schema.cedarschema``. Each has its own ``@id``, and may have
            ``@message``, ``@status`` and ``@shadow``.
        custom: The Cedar type of ``context.custom``, for facts of a module of extra facts.
        networks: The table of the named networks that policies read as ``context.networks``. Default: none.

    Attributes:
        policies: The policies.
        networks: The named networks, if there are any.

    Raises:
        InvalidNetworks: When the table of the networks is none.
        InvalidPolicySet: When the text cannot be parsed, an ``@id`` is missing or used twice, or ``custom``
            is no type. The policies are not validated against the schema here: ``cdk_client_connect`` does that at
            synthesis, and ``decide`` denies whatever errs.
    """

    def __init__(self, policies: str, *, custom: str | None = None, networks: bytes | None = None) -> None:
        self.policies: PolicySet = PolicySet.parse(policies)
        self.networks: Networks | None = None
        if networks is not None:
            from client_connect.networks import Networks  # noqa: PLC0415 - who has none does not import it

            self.networks = Networks(networks)
        # The engine takes longest to read the context, so it gets no attribute that no policy reads. This is only done
        # with those that are always there: if one were missing by mistake, it would be an error, which denies, while
        # a test for an optional one would quietly fail.
        reads = self.policies.reads
        self._unread = frozenset(name for name in required_attributes() if not may_read(reads, name))
        # A user may be in 200 groups, and the engine reads each of them.
        self._groups = None if GROUPS in reads else parts_of(GROUPS, reads)
        try:
            self._schema = cedar.Schema.from_str(schema_text(custom, optional=self._unread))
        except ValueError as error:
            raise InvalidPolicySet(f"the schema of the custom facts cannot be parsed: {error}") from error

    def decide(self, facts: Facts) -> Decision:
        """Decide a connection. Never raises for what a policy does: an error in one is a denial.

        A block denies before any policy is asked. While it is unknown whether there is one, the policies decide if
        one of them reads ``context.inventory``, and so say what an outage means; otherwise that denies, too.
        """
        if facts.block is not None:
            message = facts.block.message
            return Decision(
                allowed=False,
                determining=(BLOCKED,),
                message=_message([message], facts) if message else "",
            )
        if not facts.knows_blocks and not may_read(self.policies.reads, "inventory"):
            return Decision(allowed=False, determining=(BLOCKS_UNKNOWN,), message=UNKNOWN_DENIAL)
        facts = self.located(facts)
        request, entities = _asked(facts, without=self._unread, groups=self._groups)

        def evaluate(policies: cedar.PolicySet) -> _Outcome:
            return _Outcome.of(cedar.is_authorized(request, policies, entities, self._schema))

        enforced = evaluate(self.policies.enforced)
        determining = () if enforced.errors else enforced.applied
        forbids, permits = self.policies.shadow_forbids, self.policies.shadow_permits
        shadow_forbids = evaluate(forbids) if len(forbids) else _NOTHING
        shadow_permits = evaluate(permits) if len(permits) else _NOTHING
        return Decision(
            allowed=enforced.allowed,
            determining=determining,
            message="" if enforced.allowed else _message(self._annotations("message", determining), facts),
            statuses=tuple(self._annotations("status", determining)),
            shadow_denied=shadow_forbids.applied,
            shadow_allowed=shadow_permits.applied,
            shadow_errors=shadow_forbids.errors + shadow_permits.errors,
            errors=enforced.errors,
            waived=self._waived(facts, enforced) if facts.waivers else (),
            guardrails=tuple(id_ for id_ in determining if self.policies.by_id[id_].guardrail),
        )

    def located(self, facts: Facts) -> Facts:
        """Return facts with the named networks of their public address, unless they say which already."""
        if facts.networks is not None or self.networks is None:
            return facts
        return facts._replace(networks=self.networks.names_of(facts.request.public_ip))

    def subset(self, ids: Collection[str]) -> Authorizer:
        """Return an authorizer of some of the enforced policies; of no other, and of none in shadow mode."""
        from copy import copy  # noqa: PLC0415 - no cold start needs it

        some = copy(self)
        some.policies = self.policies.subset(ids)
        return some

    def applying(self, policies: cedar.PolicySet, facts: Facts) -> tuple[str, ...]:
        """Return the ids of those of other policies that apply to a connection; one that errs does not."""
        return self._outcome(policies, facts).applied

    def validation_error(self, facts: Facts) -> str:
        """Return how facts differ from the schema, or nothing. Of facts that differ, every decision is an error."""
        outcome = self._outcome(_NO_POLICIES, facts)
        if not outcome.errors:
            return ""
        reason = outcome.errors[0].removeprefix("failed to build request: ")
        # Here the engine repeats the whole context, and does not say what of it is wrong.
        return "a value is of another type" if reason.startswith("context `") else reason

    def _waived(self, facts: Facts, outcome: _Outcome) -> tuple[str, ...]:
        """Return the forbids that would have applied without any waiver, whoever's waiver they honor."""
        strict = self._outcome(self.policies.enforced, facts._replace(waivers=frozenset()))
        return tuple(
            id_
            for id_ in strict.applied
            if id_ not in outcome.applied and self.policies.by_id[id_].effect == "forbid"
        )

    def _outcome(self, policies: cedar.PolicySet, facts: Facts) -> _Outcome:
        request, entities = _asked(facts)
        return _Outcome.of(cedar.is_authorized(request, policies, entities, self._schema))

    def _annotations(self, name: str, ids: Iterable[str]) -> list[str]:
        values = [getattr(self.policies.by_id[id_], name) for id_ in ids]
        return list(dict.fromkeys(filter(None, values)))


class _Outcome(NamedTuple):
    """Cedar's verdict on one set of policies, without its leniency about errors."""

    allowed: bool
    applied: tuple[str, ...]
    errors: tuple[str, ...]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> _Outcome:
        decision, diagnostics = answer["decision"], answer["diagnostics"]
        errors = tuple(diagnostics.get("errors", ()))
        if decision == "NoDecision" and not errors:
            errors = ("the engine made no decision",)
        return cls(decision == "Allow" and not errors, tuple(sorted(diagnostics.get("reason", ()))), errors)


def _message(messages: Sequence[str], facts: Facts) -> str:
    text = " ".join(messages)
    if length(text) <= MAX_MESSAGE_LENGTH and "{" not in text and "}" not in text:
        return text
    from client_connect.messages import composed  # noqa: PLC0415 - most messages do not need it, nor a cold start

    return composed(messages, facts)


def _asked(
    facts: Facts, *, without: frozenset[str] = frozenset(), groups: frozenset[str] | None = None
) -> tuple[dict[str, Any], str]:
    """Return the request and the entities as text, so the engine need not write it for each set of policies.

    Args:
        facts: The connection.
        without: Which attributes of the context are left out, such as ``ownerTags`` and ``time.now``.
        groups: The only groups that matter. Default: all do.
    """
    request = facts.cedar_request()
    context = {name: value for name, value in request["context"].items() if name not in without}
    if "time" in context:
        context["time"] = {
            name: value for name, value in context["time"].items() if f"time.{name}" not in without
        }
    return request | {"context": _as_text(context)}, _as_text(facts.cedar_entities(groups=groups))


_as_text = json.JSONEncoder(check_circular=False).encode
_NO_POLICIES = cedar.PolicySet.from_str("")
_NOTHING = _Outcome(allowed=False, applied=(), errors=())
