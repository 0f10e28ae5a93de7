"""The checks of a native authorization policy before it reaches the endpoint: at synthesis and offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.nodes import path
from client_connect_tools.cedar.parsing import TOO_DEEP, in_order, parse
from client_connect_tools.cedar.validation import UNGUARDED
from client_connect_tools.checking import checks
from client_connect_tools.checking.reviewed_files import check_characters
from client_connect_tools.finding import Finding
from client_connect_tools.native._absence import changes_outcome
from client_connect_tools.native._documented import documented_part, parts
from client_connect_tools.native._guards import guards, unguarded_paths
from client_connect_tools.native._types import type_errors, validation_errors
from client_connect_tools.native.trust_data import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cedarpy import pst

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.native.trust_data import TrustProviderType
    from client_connect_tools.policies import Policies

MAX_BYTES = 10_000
"""How large a policy document may be."""


def check(
    policies: Policies, trust_providers: Collection[TrustProviderType] = tuple(PROVIDERS)
) -> list[Finding]:
    """Return every error in a native authorization policy, all at once.

    Checked are: the size (at most 10,000 bytes), the syntax, templates, at least one permit, providers that are read
    but not configured, and by Cedar's strict validation the types of everything that AWS documents. An attribute that
    may be absent has to be tested with ``has`` before it is read, unless no permit could apply without it anyway.
    Anything that AWS does not document is left to ``lint``.

    Args:
        policies: Together they are the endpoint's policy document. They need no ``@id``.
        trust_providers: Those that the endpoint has. Default: all that there are.
    """
    parsed = parse(policies.sources)
    permits = [each.template for each in parsed if each.template and each.template.effect == "permit"]
    findings = [
        each.finding(rule, message)
        for each in parsed
        for rule, message in _errors(each, trust_providers, permits)
    ]
    return [
        *check_characters(policies),
        *in_order(policies.sources, findings),
        *_of_the_document(policies, parsed),
        *_of_networks(policies),
    ]


def require_sound(
    policies: Policies, trust_providers: Collection[TrustProviderType] = tuple(PROVIDERS)
) -> None:
    """Refuse a native authorization policy with errors.

    Raises:
        InvalidPolicies: With every finding of ``check``.
    """
    checks.refuse(check(policies, trust_providers))


def _errors(
    parsed: ParsedStatement, trust_providers: Collection[TrustProviderType], permits: Sequence[pst.Template]
) -> Iterator[tuple[str, str]]:
    if parsed.template is None:
        if parsed.error is not None:
            yield parsed.error
        return
    yield from _providers_not_configured(parsed.template, trust_providers)
    try:
        problems = validation_errors(documented_part(parsed.template))
    except ValueError:  # A condition that is replaced may nest a level deeper.
        yield TOO_DEEP
        return
    if any(UNGUARDED not in problem for problem in problems):
        yield from type_errors(parsed.template, problems)
    absent = [each for each in unguarded_paths(problems) if changes_outcome(each, permits)]
    for guard in guards(parsed.template, absent):
        why = "but it may be absent, which is an error and denies the connection"
        yield "unguarded-attribute", f"{guard.read} is read without a test, {why}; write {guard.text}"


def _of_networks(policies: Policies) -> Iterator[Finding]:
    for each in policies.networks:
        message = "native policies see no named networks; write the networks into them, or remove the list"
        yield Finding(
            file=each.source.name, line=1, column=1, policy="", rule="network-list", message=message
        )


def _providers_not_configured(
    template: pst.Template, trust_providers: Collection[TrustProviderType]
) -> Iterator[tuple[str, str]]:
    read = {names[0] for node in parts(template) if (names := path(node))}
    for provider in PROVIDERS:
        if provider in read and provider not in trust_providers:
            there = ", ".join(sorted(trust_providers)) or "none"
            why = f"{provider} is not among the trust providers; there are {there}"
            yield (
                "provider-not-configured",
                f"context.{provider} is never there, because {why}: add it, or leave out what reads it",
            )


def _of_the_document(policies: Policies, parsed: list[ParsedStatement]) -> Iterator[Finding]:
    file = policies.sources[0].name if policies.sources else "<none>"

    def finding(rule: str, message: str) -> Finding:
        return Finding(file=file, line=1, column=1, policy="", rule=rule, message=message)

    if (size := len(policies.text.encode())) > MAX_BYTES:
        yield finding(
            "too-large",
            f"the policy has {size:,} bytes with its comments, and Client VPN takes at most {MAX_BYTES:,}; shorten it",
        )
    # An unparsable policy may be the missing permit.
    if all(each.template is not None and each.template.effect == "forbid" for each in parsed):
        yield finding(
            "no-permit",
            "nothing is permitted, so every connection would be denied; add a permit, such as "
            "permit (principal, action, resource) when { true };",
        )
