"""Check that a resource has the properties in the final template that it was defined with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import Stack

from cdk_client_connect.final_templates._templates import Deviation, check_templates, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_cdk import CfnResource

    from cdk_client_connect.final_templates._templates import Templates


def check_properties(
    owner: str,
    resource: CfnResource,
    defined: Mapping[str, Any],
    *,
    rule: str,
    consequence: str,
    fix: str,
) -> None:
    """Have properties compared with those that are defined now; what differs is an error.

    Args:
        owner: What to call the resource in a message.
        resource: The resource.
        defined: The properties by their names in the template, with tokens in them.
        rule: The name of the rule.
        consequence: What comes of a difference.
        fix: What to do.
    """
    kept = dict(defined)

    def check(templates: Templates) -> Iterator[Deviation]:
        properties = templates.properties(resource)
        wanted = _capitalized(Stack.of(resource).resolve(kept))
        for name in kept:
            ours = normalized(wanted.get(name))
            found = None if properties is None else normalized(properties.get(name))
            if ours != found:
                yield Deviation(
                    rule=rule,
                    resource=resource,
                    location=f"Properties.{name}",
                    found=f"{owner} has {name} {json.dumps(found)} in the template, but {json.dumps(ours)} was "
                    f"defined, so {consequence}; an Aspect or an override did this",
                    fix=fix,
                )

    check_templates(resource, check)


def _capitalized(value: Any) -> Any:  # noqa: ANN401 - whatever the CDK resolves
    """Return a property with its names as CloudFormation writes them."""
    match value:
        case dict():
            return {name[:1].upper() + name[1:]: _capitalized(each) for name, each in value.items()}
        case list():
            return [_capitalized(each) for each in value]
        case _:
            return value
