"""The checks of policies before they can lock anyone out: at synthesis and offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_connect_tools.cedar.parsing import in_order, parse, schema
from client_connect_tools.cedar.places import named
from client_connect_tools.checking.annotations import annotation_problems
from client_connect_tools.checking.custom_schema import check_custom_schema, declared_types
from client_connect_tools.checking.lints import LINTS
from client_connect_tools.checking.network_names import check_networks
from client_connect_tools.checking.reviewed_files import check_characters
from client_connect_tools.checking.syntax_errors import unusable
from client_connect_tools.checking.type_errors import type_errors
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.finding import Finding
from client_connect_tools.inputs import cdk_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import cedarpy
    from cedarpy import pst

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.policies import Policies


def check(policies: Policies) -> list[Finding]:
    """Return every error in policies, all at once.

    Checked are: the syntax, ``@id`` (present and unique), the lengths of ``@message`` and ``@status`` (at
    most 255 characters), the placeholders of ``@message``, annotations without a meaning, misspelt attributes,
    templates (which never apply), at least one enforced permit, and the types of everything that a policy reads, by
    Cedar's strict validation against the schema; placeholders of the CDK for what is known at deployment only;
    ``custom.cedarschema``; lists of networks, and their names in policies; and
    characters in any of the files, tests among them, that make a review show something other than what decides. What
    is allowed but doubtful is found by ``lint``.
    """
    parsed = parse(policies.sources)
    of_schema = check_custom_schema(policies)
    # Without a sound schema, nothing can be said of the types.
    types = None if of_schema else schema(policies.custom)
    custom = None if of_schema else declared_types(policies.custom)
    findings = [finding for each in parsed for finding in _errors(each, types, custom)]
    findings += _repeated_ids(parsed)
    return [
        *check_characters(policies),
        *_tokens(policies),
        *of_schema,
        *check_networks(policies, parsed),
        *in_order(policies.sources, findings),
        *_no_permit(policies, parsed),
    ]


def require_sound(policies: Policies) -> None:
    """Refuse policies with errors.

    Raises:
        InvalidPolicies: With every finding of ``check``.
    """
    refuse(check(policies))


def refuse(findings: Sequence[Finding]) -> None:
    """Refuse policies with findings.

    Raises:
        InvalidPolicies: With all of them.
    """
    if findings:
        count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        raise InvalidPolicies(f"the policies have {count}:", findings)


def _errors(
    parsed: ParsedStatement, types: cedarpy.Schema | None, custom: Mapping[str, str] | None
) -> Iterator[Finding]:
    if parsed.error is not None:
        yield unusable(parsed)
    if parsed.template is None:
        return
    for rule, message in annotation_problems(parsed.template, custom, LINTS):
        yield parsed.finding(rule, message, place=named(parsed.statement.text, message))
    if types is not None:
        yield from type_errors(parsed, types)


def _tokens(policies: Policies) -> Iterator[Finding]:
    for source in policies.sources:
        for found in cdk_tokens.TOKEN.finditer(source.text):
            yield Finding(
                file=source.name,
                line=source.text.count("\n", 0, found.start()) + 1,
                column=found.start() - source.text.rfind("\n", 0, found.start()),
                policy="",
                rule="unresolved-token",
                message=(
                    f"the policies have {found[0]}, which {cdk_tokens.WHY}; write the value itself; for an endpoint, "
                    'name it by endpoints={"prod": id} of the handler, and write context has endpointName && '
                    'context.endpointName == "prod"'
                ),
            )


def _repeated_ids(parsed: Sequence[ParsedStatement]) -> Iterator[Finding]:
    first: dict[str, ParsedStatement] = {}
    for policy in parsed:
        if not policy.id:
            continue
        other = first.setdefault(policy.id, policy)
        if other is not policy:
            place = f"{other.file}:{other.statement.line}"
            yield policy.finding("repeated-id", f"@id is already used at {place}; give each policy its own")


def _no_permit(policies: Policies, parsed: Sequence[ParsedStatement]) -> list[Finding]:
    """An unparsed policy may be the missing permit, so nothing is said before it is repaired."""
    if any(each.template is None or _is_enforced_permit(each.template) for each in parsed):
        return []
    file = policies.sources[0].name if policies.sources else "<none>"
    message = (
        "no policy permits anything, so every connection would be denied; add a permit, such as "
        '@id("authenticated") permit (principal, action, resource);'
    )
    return [Finding(file=file, line=1, column=1, policy="", rule="no-permit", message=message)]


def _is_enforced_permit(template: pst.Template) -> bool:
    return template.effect == "permit" and "shadow" not in template.annotations
