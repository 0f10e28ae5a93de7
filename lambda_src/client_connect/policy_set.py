"""A policy set as the authorizer uses it: parsed once, with the annotations of each policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import cedarpy
from cedarpy import pst

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class InvalidPolicySet(ValueError):
    """The policies cannot be parsed, or one lacks what the handler needs of it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the handler needs to know of one policy beside its conditions.

    Attributes:
        id: The value of its ``@id`` annotation, unique in the set.
        effect: ``permit`` or ``forbid``.
        message: What a denied client is told, from ``@message``.
        status: The posture compliance status that it reports, from ``@status``.
        shadow: Whether ``@shadow`` has it evaluated and logged, but not enforced.
    """

    id: str
    effect: pst.Effect
    message: str
    status: str
    shadow: bool


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of a handler, split into those enforced and those in shadow mode.

    Attributes:
        by_id: Every policy, by its ``@id``, in the order of the text.
        enforced: The policies that decide.
        shadow_forbids: The forbids that are evaluated and logged only.
        shadow_permits: The permits that are evaluated and logged only.
        digest: The first 12 hexadecimal digits of the SHA-256 of the text, to tell versions apart.
    """

    by_id: dict[str, Policy]
    enforced: cedarpy.PolicySet
    shadow_forbids: cedarpy.PolicySet
    shadow_permits: cedarpy.PolicySet
    digest: str

    @classmethod
    def parse(cls, text: str) -> PolicySet:
        """Parse Cedar policies, each with an ``@id`` of its own.

        Raises:
            InvalidPolicySet: When Cedar cannot parse the text, when a policy has no ``@id`` or another's,
                or when it is a template, which Cedar would silently never apply.
        """
        templates = _templates(text)
        by_id = {id_: _policy(template) for id_, template in templates.items()}

        def subset(*, shadow: bool, effects: tuple[pst.Effect, ...]) -> cedarpy.PolicySet:
            chosen = {
                id_: templates[id_]
                for id_, policy in by_id.items()
                if policy.shadow is shadow and policy.effect in effects
            }
            return _of(chosen)

        return cls(
            by_id,
            enforced=subset(shadow=False, effects=("permit", "forbid")),
            shadow_forbids=subset(shadow=True, effects=("forbid",)),
            shadow_permits=subset(shadow=True, effects=("permit",)),
            digest=sha256(text.encode()).hexdigest()[:12],
        )

    def only(self, ids: Collection[str]) -> PolicySet:
        """Return some of the enforced policies, and none in shadow mode."""
        templates = {id_: policy for id_, policy in self.enforced_policies().items() if id_ in ids}
        none = cedarpy.PolicySet.from_str("")
        return replace(self, enforced=_of(templates), shadow_forbids=none, shadow_permits=none)

    def enforced_policies(self) -> Mapping[str, pst.Template]:
        """Return the enforced policies as syntax nodes, by their ``@id``."""
        return self.enforced.to_pst().static_policies


def _of(templates: Mapping[str, pst.Template]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_pst(pst.PolicySet({}, templates, ()))


def _templates(text: str) -> dict[str, pst.Template]:
    """Return the static policies under their ``@id``, which then is their id in every diagnostic too."""
    try:
        parsed = cedarpy.PolicySet.from_str(text).to_pst()
    except ValueError as error:
        raise InvalidPolicySet(f"the policies cannot be parsed: {error}") from error
    if parsed.templates:
        raise InvalidPolicySet("a policy with ?principal or ?resource is a template, which never applies")
    templates: dict[str, pst.Template] = {}
    for template in parsed.static_policies.values():
        id_ = template.annotations.get("id")
        if not id_:
            raise InvalidPolicySet(f'a {template.effect} has no @id; add @id("...") before it')
        if id_ in templates:
            raise InvalidPolicySet(f'two policies have @id("{id_}"); give each its own')
        templates[id_] = replace(template, id=id_)
    return templates


def _policy(template: pst.Template) -> Policy:
    annotations = template.annotations
    return Policy(
        id=template.id,
        effect=template.effect,
        message=annotations.get("message", ""),
        status=annotations.get("status", ""),
        shadow="shadow" in annotations,
    )
