"""Checks of the templates as they are deployed: after Aspects, overrides and escape hatches.

Aspects run after everything is defined, and overrides are applied later still, when a template is written. Only a
validation plugin of the CDK reads what is deployed.

Source: https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import (
    CfnResource,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
    Validations,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import IConstruct

PLUGIN = "cdk-client-connect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A finding in a template.

    Attributes:
        rule: Its name; a warning is acknowledged by ``cdk-client-connect::`` and this name.
        resource: The resource.
        location: Where in it, such as ``Properties.Timeout``.
        found: What is wrong.
        fix: What to do.
        is_error: Whether nothing is deployed; otherwise it is a warning.
    """

    rule: str
    resource: CfnResource
    location: str
    found: str
    fix: str
    is_error: bool = True


class Check(Protocol):
    """Finds deviations in the templates."""

    def __call__(self, templates: Templates, /) -> Iterable[Deviation]:
        """Return the deviations."""


def check_templates(construct: IConstruct, check: Check) -> None:
    """Have a check run whenever the app of a construct is synthesized."""
    root = construct.node.root
    if (plugin := _plugins.get(root)) is None:
        plugin = _plugins[root] = _Plugin()
        Validations.of(root).add_plugins(plugin)
    plugin.checks.append(check)


class Templates:
    """The synthesized templates of an app."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self._paths = paths
        self._resources: dict[Path, dict[str, Any]] = {}

    def path(self, stack: Stack) -> Path | None:
        """Return the file of a stack's template; that of a nested stack is next to its parent's."""
        top = top_level(stack)
        path = self._paths.get(top.node.path)
        return path and path.with_name(stack.template_file)

    def all_of(self, stack: Stack) -> dict[str, Any]:
        """Return the resources of a stack by their logical ids."""
        path = self.path(stack)
        if path is None:
            return {}
        if path not in self._resources:
            self._resources[path] = json.loads(path.read_text("utf-8")).get("Resources", {})
        return self._resources[path]

    def properties(self, resource: CfnResource) -> dict[str, Any] | None:
        """Return a resource's properties as they are deployed; ``None`` when the template has no such resource."""
        stack = Stack.of(resource)
        deployed = self.all_of(stack).get(str(stack.resolve(resource.logical_id)))
        if deployed is None or deployed.get("Type") != resource.cfn_resource_type:
            return None
        properties: dict[str, Any] = deployed.get("Properties", {})
        return properties


def top_level(stack: Stack) -> Stack:
    """Return the stack that is deployed by itself: the stack, or the outermost one that it is nested in."""
    while (parent := stack.nested_stack_parent) is not None:
        stack = parent
    return stack


@jsii.implements(IPolicyValidationPlugin)
class _Plugin:
    def __init__(self) -> None:
        self.checks: list[Check] = []

    @property
    def name(self) -> str:
        return PLUGIN

    @property
    def version(self) -> str | None:
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Run all checks; the same deviation of several resources is one violation for each."""
        templates = Templates(
            {each.stack_construct_path: Path(each.template_path) for each in context.stack_templates}
        )
        found = [deviation for check in self.checks for deviation in check(templates)]
        return PolicyValidationPluginReport(
            success=not any(deviation.is_error for deviation in found),
            violations=[_violation(deviation) for deviation in found],
        )


_plugins: WeakKeyDictionary[IConstruct, _Plugin] = WeakKeyDictionary()


def _violation(deviation: Deviation) -> PolicyViolation:
    return PolicyViolation(
        rule_name=deviation.rule,
        description=deviation.found,
        fix=deviation.fix,
        # An error that is not fatal could be acknowledged.
        severity="fatal" if deviation.is_error else "warning",
        violating_resources=[
            PolicyViolatingResource(
                construct_path=deviation.resource.node.path, locations=[deviation.location]
            )
        ],
    )


def normalized(value: Any) -> Any:  # noqa: ANN401 - whatever a template has
    """Return a value with its numbers and flags as text: CloudFormation takes ``"10"`` for ``10``."""
    match value:
        case dict():
            return {key: normalized(each) for key, each in value.items()}
        case list() | tuple():
            return [normalized(each) for each in value]
        case bool():
            return str(value).lower()
        case int() | float():
            return str(int(value)) if value == int(value) else str(value)
        case _:
            return value
