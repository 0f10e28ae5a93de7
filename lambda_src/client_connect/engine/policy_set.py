"""A policy set as the authorizer uses it: parsed once, with the annotations of each policy."""

from __future__ import annotations

from client_connect.engine import cedar, policy_json
from client_connect.engine.policy_reads import GROUPS, reads

# ``hashlib`` has it too. But that loads OpenSSL, which nothing else at a cold start needs, and which takes as long
# as several of our modules. Where neither is there, ``hashlib`` does as well.
try:
    from _sha2 import sha256  # type: ignore[import-not-found]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found] # its name before Python 3.12
    except ImportError:
        from hashlib import sha256

from client_connect.light_typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, Protocol

    from cedarpy import pst

    from client_connect.engine.statement import Effect, Statement

    class _Syntax(Protocol):
        """How policies are taken apart and put together: ``policy_json`` or ``policy_nodes``."""

        def split(self, text: str) -> tuple[list[Statement], bool]: ...

        def build(self, contents: Mapping[str, Any]) -> cedar.PolicySet: ...


_SPLIT = ("time", GROUPS)

# From this length on, the syntax nodes take less time than JSON, together with their import.
_LARGE = 30_000


class InvalidPolicySet(ValueError):
    """The policies cannot be parsed, or one lacks what the handler needs of it."""


class Policy(NamedTuple):
    """A policy without its conditions, as far as the handler needs it.

    Attributes:
        id: The value of its ``@id`` annotation, unique in the set.
        effect: ``permit`` or ``forbid``.
        message: The text for a denied client, from ``@message``.
        status: The posture compliance status that it reports, from ``@status``.
        shadow: Whether ``@shadow`` has it evaluated and logged, but not enforced.
        guardrail: Whether it is one of the guardrails.
    """

    id: str
    effect: Effect
    message: str
    status: str
    shadow: bool
    guardrail: bool = False


class PolicySet(NamedTuple):
    """The policies of a handler, split into those enforced and those in shadow mode.

    Attributes:
        by_id: Every policy, by its ``@id``, in the order of the text.
        enforced: The policies that decide.
        shadow_forbids: The forbids that are evaluated and logged only.
        shadow_permits: The permits that are evaluated and logged only.
        digest: The first 12 hexadecimal digits of the SHA-256 of the text, to distinguish versions.
        reads: The names of the facts that any of them reads, those in shadow mode too, as ``policy_reads`` has them;
            of the time, each attribute by itself, such as ``time.now``, and of the groups those that they name.
    """

    by_id: dict[str, Policy]
    enforced: cedar.PolicySet
    shadow_forbids: cedar.PolicySet
    shadow_permits: cedar.PolicySet
    digest: str
    reads: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> PolicySet:
        """Parse Cedar policies, each with its own ``@id``.

        Raises:
            InvalidPolicySet: When Cedar cannot parse the text, when a policy has no ``@id`` or another's,
                or when it is a template, which Cedar would silently never apply.
        """
        try:
            return cls._parse(text, policy_json if len(text) < _LARGE else _policy_nodes())
        except RecursionError:
            raise InvalidPolicySet("the policies cannot be parsed: one is nested too deep") from None
        except ValueError:  # it is wrong, and the nodes explain better how; or it is too deep for JSON alone
            return cls._parse(text, _policy_nodes())

    @classmethod
    def _parse(cls, text: str, syntax: _Syntax) -> PolicySet:
        by_id, contents = _policies(text, syntax)

        def subset(*, shadow: bool, effects: tuple[Effect, ...]) -> cedar.PolicySet:
            return syntax.build(
                {
                    id_: contents[id_]
                    for id_, policy in by_id.items()
                    if policy.shadow is shadow and policy.effect in effects
                }
            )

        return cls(
            by_id,
            enforced=subset(shadow=False, effects=("permit", "forbid")),
            shadow_forbids=subset(shadow=True, effects=("forbid",)),
            shadow_permits=subset(shadow=True, effects=("permit",)),
            digest=sha256(text.encode()).hexdigest()[:12],
            reads=frozenset[str]().union(*(reads(content, split=_SPLIT) for content in contents.values())),
        )

    def subset(self, ids: Collection[str]) -> PolicySet:
        """Return some of the enforced policies, and none in shadow mode."""
        nodes = {id_: node for id_, node in self.enforced_policies().items() if id_ in ids}
        none = cedar.PolicySet.from_str("")
        enforced = _policy_nodes().build(nodes)
        return self._replace(enforced=enforced, shadow_forbids=none, shadow_permits=none)

    def enforced_policies(self) -> Mapping[str, pst.Template]:
        """Return the enforced policies as syntax nodes, by their ``@id``."""
        return self.enforced.to_pst().static_policies


def _policy_nodes() -> _Syntax:
    from client_connect.engine import policy_nodes  # noqa: PLC0415 - costs a cold start milliseconds, and is seldom needed

    return policy_nodes


def _policies(text: str, syntax: _Syntax) -> tuple[dict[str, Policy], dict[str, Any]]:
    """Return the policies, and what the syntax has of each, under the ``@id`` that every diagnostic then names."""
    try:
        statements, has_templates = syntax.split(text)
    except ValueError as error:
        raise InvalidPolicySet(f"the policies cannot be parsed: {error}") from error
    if has_templates:
        raise InvalidPolicySet("a policy with ?principal or ?resource is a template, which never applies")
    by_id: dict[str, Policy] = {}
    contents: dict[str, Any] = {}
    for effect, noted, content in statements:
        id_ = noted.get("id")
        if not id_:
            raise InvalidPolicySet(f'a {effect} has no @id; add @id("...") before it')
        if id_ in by_id:
            raise InvalidPolicySet(f'two policies have @id("{id_}"); give each its own')
        by_id[id_], contents[id_] = _policy(id_, effect, noted), content
    return by_id, contents


def _policy(id_: str, effect: Effect, noted: Mapping[str, str]) -> Policy:
    message, status = noted.get("message", ""), noted.get("status", "")
    return Policy(id_, effect, message, status, shadow="shadow" in noted, guardrail="guardrail" in noted)
