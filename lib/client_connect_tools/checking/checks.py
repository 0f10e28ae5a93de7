"""What is checked of policies before they can lock anyone out: at synthesis and offline."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from client_connect.response import MAX_STATUS_LENGTH
from client_connect.shortening import length
from client_connect_tools.cedar.parsing import in_order, parse, schema
from client_connect_tools.cedar.validation import type_problems, unknown_attributes
from client_connect_tools.checking.custom_schema import check_custom_schema, declared_types
from client_connect_tools.checking.network_names import check_networks
from client_connect_tools.checking.reviewed_files import check_characters
from client_connect_tools.errors import InvalidPolicies
from client_connect_tools.finding import Finding
from client_connect_tools.inputs import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import cedarpy
    from cedarpy import pst

    from client_connect_tools.cedar.parsing import ParsedStatement
    from client_connect_tools.policies import Policies

_ANNOTATIONS = ("id", "message", "status", "shadow")
_SHOWN = ("message", "status")


def check(policies: Policies) -> list[Finding]:
    """Return every error in policies, all at once.

    Checked are: the syntax, ``@id`` (present and unique), the lengths of ``@message`` and ``@status`` (at
    most 255 characters), the placeholders of ``@message``, misspelt annotations and attributes, templates (which
    never apply), at least one enforced permit, and the types of everything that a policy reads, by Cedar's strict
    validation against the schema; ``custom.cedarschema``; lists of networks, and their names in policies; and
    characters in any of the files, tests among them, by which a review shows something else than what decides. What
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
    """Refuse policies of which there are findings.

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
        yield parsed.finding(*parsed.error)
    if parsed.template is None:
        return
    problems = [*_annotation_problems(parsed.template, custom)]
    if types is not None:
        problems += type_problems(
            parsed.statement.text, types, guard="context has os && context.os.major < 10"
        )
        problems += unknown_attributes(parsed.template, types)
    for rule, message in problems:
        yield parsed.finding(rule, message)


def _annotation_problems(
    template: pst.Template, custom: Mapping[str, str] | None
) -> Iterator[tuple[str, str]]:
    annotations = template.annotations
    if not annotations.get("id"):
        why = "so that logs and waivers can name it"
        yield "missing-id", f'the {template.effect} has no @id; add @id("...") before it, {why}'
    for name in _SHOWN:
        if name in annotations and not annotations[name]:
            yield "empty-annotation", f"@{name} is empty; give it a text, or leave it out"
    for rule, problem in messages.problems(annotations.get("message", ""), custom):
        yield rule, f"@message {problem}"
    if (size := length(annotations.get("status", ""))) > MAX_STATUS_LENGTH:
        yield (
            "too-long",
            f"@status has {size} characters; Client VPN takes at most {MAX_STATUS_LENGTH}, so shorten it",
        )
    if value := annotations.get("shadow"):
        what = "write @shadow, or leave it out to enforce the policy"
        yield "shadow-with-value", f'@shadow("{value}") has a value; {what}'
    for name in sorted(annotations.keys() - set(_ANNOTATIONS)):
        if near := difflib.get_close_matches(name.lower(), _ANNOTATIONS, n=1):
            what = f"write @{near[0]}, or choose a name that cannot be mistaken for it"
            yield "misspelt-annotation", f"@{name} is not known; {what}"


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
