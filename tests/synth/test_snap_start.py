"""SnapStart: in the template, and refused where Lambda does not offer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import (
    ClientConnectError,
    ClientConnectHandler,
    FunctionReference,
    InvalidArgument,
    InvalidConcurrency,
    InvalidRuntime,
    ProvisionedConcurrency,
)

from .conftest import NO_BUNDLING, template

if TYPE_CHECKING:
    from collections.abc import Callable


def test_snapshots_in_place_of_provisioned_environments(handler: Callable[..., ClientConnectHandler]) -> None:
    """The function has them, on published versions, and the alias provisions nothing."""
    found = template(cdk.Stack.of(handler(snap_start=True)))
    found.has_resource_properties(
        "AWS::Lambda::Function",
        {"Handler": "client_connect.handler.handler", "SnapStart": {"ApplyOn": "PublishedVersions"}},
    )
    found.has_resource_properties(
        "AWS::Lambda::Alias", {"ProvisionedConcurrencyConfig": cdk.assertions.Match.absent()}
    )


def test_none_by_default(handler: Callable[..., ClientConnectHandler]) -> None:
    """The default keeps environments."""
    found = template(cdk.Stack.of(handler()))
    found.resource_properties_count_is(
        "AWS::Lambda::Function", {"SnapStart": cdk.assertions.Match.any_value()}, 0
    )


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        (
            {"provisioned_concurrency": ProvisionedConcurrency.fixed(1)},
            InvalidConcurrency,
            "exclude each other",
        ),
        (
            {"provisioned_concurrency": ProvisionedConcurrency.scaling(minimum=1, maximum=2)},
            InvalidConcurrency,
            "exclude each other",
        ),
        ({"function_reference": FunctionReference.UNQUALIFIED}, InvalidArgument, "no effect on"),
        ({"runtime": lambda_.Runtime.PYTHON_3_11}, InvalidRuntime, 'runtime "python3.11" has no SnapStart'),
        ({"snap_start": "false"}, InvalidArgument, "snap_start='false' must be True or False"),
    ],
)
def test_fails_where_lambda_does_not_offer_it(
    arguments: dict[str, Any],
    error: type[ClientConnectError],
    why: str,
    handler: Callable[..., ClientConnectHandler],
) -> None:
    """With what excludes it, or has no snapshots."""
    with pytest.raises(error, match=why):
        handler(**{"snap_start": True, **arguments})


@pytest.mark.parametrize(
    ("region", "is_offered"),
    [
        ("eu-central-1", True),
        ("ap-southeast-6", False),
        ("ap-east-2", False),
        ("us-gov-west-1", False),
        (None, True),
    ],
)
def test_fails_for_a_region_without_snap_start(region: str | None, *, is_offered: bool) -> None:
    """A Region without it is an error; what is not known at synthesis is not."""
    env = cdk.Environment(account="111111111111", region=region) if region else None
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack", env=env)
    if is_offered:
        ClientConnectHandler(stack, "Handler", snap_start=True)
        return
    with pytest.raises(InvalidArgument, match=f"Lambda has no SnapStart in {region}"):
        ClientConnectHandler(stack, "Handler", snap_start=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EphemeralStorage", {"Size": 1024}), ("FileSystemConfigs", [{"Arn": "a", "LocalMountPath": "/mnt/a"}])],
)
def test_fails_for_an_override_that_excludes_it(name: str, value: object) -> None:
    """Lambda would refuse the deployment."""
    app = cdk.App(context=NO_BUNDLING)
    defined = ClientConnectHandler(cdk.Stack(app, "Stack"), "Handler", snap_start=True)
    resource = defined.function.node.default_child
    assert isinstance(resource, cdk.CfnResource)
    resource.add_property_override(name, value)
    with pytest.raises(RuntimeError, match=f"has {name} .* and SnapStart"):
        app.synth()
