"""What is checked of policies before they can lock anyone out: at synthesis and offline."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cedarpy

from client_connect.authorizer import SCHEMA
from client_connect.response import MAX_MESSAGE_LENGTH, MAX_STATUS_LENGTH
from client_connect_tools._statements import statements
from client_connect_tools.errors import InvalidPolicies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cedarpy import pst

    from client_connect_tools._statements import Statement
    from client_connect_tools.policies import Policies

_ANNOTATIONS = ("id", "message", "status", "shadow")
_LIMITS = {"message": MAX_MESSAGE_LENGTH, "status": MAX_STATUS_LENGTH}
_ID = re.compile(r'@id\s*\(\s*"((?:\\.|[^"\\])*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with a policy.

    Attributes:
        file: The file's name, or what the text was called.
        line: Where the policy begins, counted from 1.
        column: Where the policy begins, counted from 1.
        policy: Its ``@id``; empty when it has none, or when the finding is about the whole set.
        message: What is wrong and what to do.
    """

    file: str
    line: int
    column: int
    policy: str
    message: str

    def __str__(self) -> str:
        policy = f"[{self.policy}] " if self.policy else ""
        return f"{self.file}:{self.line}:{self.column}: {policy}{self.message}"


def check(policies: Policies) -> list[Finding]:
    """Return everything that is wrong with policies, all at once.

    Checked are: the syntax, ``@id`` (present and unique), the lengths of ``@message`` and ``@status`` (at
    most 255 characters), misspelt annotations, templates (which never apply), at least one enforced permit,
    and the types of everything that a policy reads, by Cedar's strict validation against the schema.
    """
    checked = [
        _Checked.of(source.name, statement)
        for source in policies.sources
        for statement in statements(source.text)
    ]
    findings = [finding for policy in checked for finding in policy.findings()]
    findings += _repeated_ids(checked)
    files = [source.name for source in policies.sources]
    findings.sort(key=lambda finding: (files.index(finding.file), finding.line, finding.column))
    return findings + _no_permit(policies, checked)


def require_sound(policies: Policies) -> None:
    """Refuse policies with findings.

    Raises:
        InvalidPolicies: With every finding of ``check``.
    """
    findings = check(policies)
    if findings:
        count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        raise InvalidPolicies(f"the policies have {count}:", findings)


@cache
def schema() -> cedarpy.Schema:
    """Return the schema that policies are validated against, parsed."""
    return cedarpy.Schema.from_str(SCHEMA.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A statement with what Cedar makes of it: a policy, or an error."""

    file: str
    statement: Statement
    template: pst.Template | None
    error: str

    @classmethod
    def of(cls, file: str, statement: Statement) -> _Checked:
        try:
            parsed = cedarpy.PolicySet.from_str(statement.text).to_pst()
        except ValueError as error:
            return cls(file, statement, None, f"Cedar cannot parse this policy: {error}")
        if parsed.templates:
            return cls(
                file,
                statement,
                None,
                "a template never applies; name an entity in place of ?principal or ?resource",
            )
        (template,) = parsed.static_policies.values()
        return cls(file, statement, template, "")

    @property
    def id(self) -> str:
        if self.template is not None:
            return self.template.annotations.get("id", "")
        match = _ID.search(self.statement.text)
        return match[1] if match else ""

    def finding(self, message: str) -> Finding:
        return Finding(
            file=self.file,
            line=self.statement.line,
            column=self.statement.column,
            policy=self.id,
            message=message,
        )

    def findings(self) -> Iterator[Finding]:
        if self.template is None:
            yield self.finding(self.error)
            return
        for message in (*_annotation_problems(self.template), *_type_problems(self.statement)):
            yield self.finding(message)


def _annotation_problems(template: pst.Template) -> Iterator[str]:
    annotations = template.annotations
    if not annotations.get("id"):
        yield f'the {template.effect} has no @id; add @id("...") before it, so that logs and waivers can name it'
    for name, limit in _LIMITS.items():
        if name in annotations and not annotations[name]:
            yield f"@{name} is empty; give it a text, or leave it out"
        if (length := len(annotations.get(name, ""))) > limit:
            yield f"@{name} has {length} characters; Client VPN takes at most {limit}, so shorten it"
    if annotations.get("shadow"):
        yield f'@shadow("{annotations["shadow"]}") has a value; write @shadow, or leave it out to enforce the policy'
    for name in sorted(annotations.keys() - set(_ANNOTATIONS)):
        if near := difflib.get_close_matches(name.lower(), _ANNOTATIONS, n=1):
            yield f"@{name} is not known; write @{near[0]}, or choose a name that cannot be mistaken for it"


def _type_problems(statement: Statement) -> Iterator[str]:
    errors = cedarpy.validate_policies(statement.text, schema()).errors
    # The engine gives them in another order each time.
    yield from sorted(error.error.removeprefix("for policy `policy0`, ") for error in errors)


def _repeated_ids(checked: list[_Checked]) -> Iterator[Finding]:
    first: dict[str, _Checked] = {}
    for policy in checked:
        if not policy.id:
            continue
        other = first.setdefault(policy.id, policy)
        if other is not policy:
            place = f"{other.file}:{other.statement.line}"
            yield policy.finding(f"@id is already used at {place}; give each policy its own")


def _no_permit(policies: Policies, checked: list[_Checked]) -> list[Finding]:
    """An unparsed policy may be the missing permit, so nothing is said before it is repaired."""
    enforced = [
        policy.template
        for policy in checked
        if policy.template and "shadow" not in policy.template.annotations
    ]
    if any(policy.template is None for policy in checked) or any(
        each.effect == "permit" for each in enforced
    ):
        return []
    file = policies.sources[0].name if policies.sources else "<none>"
    message = (
        "no policy permits anything, so every connection would be denied; add a permit, such as "
        '@id("authenticated") permit (principal, action, resource);'
    )
    return [Finding(file=file, line=1, column=1, policy="", message=message)]
