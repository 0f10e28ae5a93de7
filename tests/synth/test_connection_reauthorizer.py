"""The construct that ends open connections which are denied today."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match, Template

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    EndpointAttachment,
    GradualDeployment,
    InvalidArgument,
    Policies,
    Rules,
    UnknownConnections,
)
from client_connect.reauthorizer.records import _UNITS, _UNITS_OF_SCAN

from .conftest import NO_BUNDLING, ROOT, endpoint, l2_endpoint, only, template
from .test_lint import nag_findings, require_lint_clean, synthesized

if TYPE_CHECKING:
    from collections.abc import Callable
__all__ = ["synthesized"]

ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
FUNCTION = "AWS::Lambda::Function"
REAUTHORIZATION = {"Properties": {"Handler": "client_connect.reauthorizer.handler.handler"}}


def define(
    stack: cdk.Stack, *, handler: dict[str, Any] | None = None, **arguments: Any
) -> ConnectionReauthorizer:
    """Define a re-authorizer with a handler in a stack."""
    registry = ConnectionRegistry(stack, "Registry")
    connect = ClientConnectHandler(stack, "Handler", connection_registry=registry, **(handler or {}))
    return ConnectionReauthorizer(
        stack, "Reauthorizer", **{"handler": connect, "endpoints": [ENDPOINT], **arguments}
    )


def new_stack(id_: str = "Stack", **arguments: Any) -> cdk.Stack:
    """Return a stack in its own app."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING), id_, **arguments)


@pytest.fixture(scope="module")
def default() -> Template:
    """The template of a re-authorizer with an inventory, without further arguments."""
    stack = new_stack()
    define(
        stack, handler={"device_inventory": DeviceInventory(stack, "Inventory"), "time_zone": "Europe/Berlin"}
    )
    return template(stack)


def function(found: Template) -> dict[str, Any]:
    """Return the properties of the re-authorizer's function."""
    properties: dict[str, Any] = only(found.find_resources(FUNCTION, REAUTHORIZATION))["Properties"]
    return properties


def variables(found: Template) -> dict[str, Any]:
    """Return the environment variables of the re-authorizer's function."""
    names: dict[str, Any] = function(found)["Environment"]["Variables"]
    return names


@pytest.mark.parametrize("value", [False, True])
def test_its_permissions_are_there_before_and_after_it(*, value: bool) -> None:
    """All its role may do, with and without the CDK's flag for one policy per permission, is waited for."""
    flag = "@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy"
    stack = cdk.Stack(cdk.App(context={**NO_BUNDLING, flag: value}), "Stack")
    define(stack)
    found = template(stack)
    reauthorizer = only(found.find_resources(FUNCTION, REAUTHORIZATION))
    role = reauthorizer["Properties"]["Role"]["Fn::GetAtt"][0]
    (policy,) = found.find_resources("AWS::IAM::Policy", {"Properties": {"Roles": [{"Ref": role}]}})
    assert policy in reauthorizer["DependsOn"]


def test_it_decides_as_the_handler_does(default: Template) -> None:
    """By the same code, on the same platform, with the same tables and settings."""
    handler = only(
        default.find_resources(FUNCTION, {"Properties": {"Handler": "client_connect.handler.handler"}})
    )
    ours, theirs = function(default), handler["Properties"]
    for name in ("Code", "Runtime", "Architectures"):
        assert ours[name] == theirs[name]
    assert theirs["Environment"]["Variables"].items() <= variables(default).items()
    assert variables(default)["CLIENT_CONNECT_TIME_ZONE"] == "Europe/Berlin"


def test_the_defaults_are_cautious(default: Template) -> None:
    """Every 5 minutes, at most 100 terminations and a quarter in an hour, nothing unregistered, one CPU, 15 minutes."""
    ours = variables(default)
    assert {name: value for name, value in ours.items() if name.rsplit("_", 1)[-1] != "TABLE"} == {
        "CLIENT_CONNECT_SHADOW_MODE": "false",
        "CLIENT_CONNECT_DEFAULT_MESSAGE": ours["CLIENT_CONNECT_DEFAULT_MESSAGE"],
        "CLIENT_CONNECT_TIME_ZONE": "Europe/Berlin",
        "CLIENT_CONNECT_ENDPOINTS": ENDPOINT,
        "CLIENT_CONNECT_INTERVAL_SECONDS": "300",
        "CLIENT_CONNECT_MAXIMUM_TERMINATIONS": "100",
        "CLIENT_CONNECT_MAXIMUM_SHARE": "0.25",
        "CLIENT_CONNECT_SHARE_FLOOR": "10",
        "CLIENT_CONNECT_TERMINATION_WINDOW_SECONDS": "3600",
        "CLIENT_CONNECT_WAIT_SECONDS": "600",
        "CLIENT_CONNECT_UNKNOWN_CONNECTIONS": "leave",
        "CLIENT_CONNECT_DRY_RUN": "false",
        "CLIENT_CONNECT_HANDLER_VERSION": ours["CLIENT_CONNECT_HANDLER_VERSION"],
    }
    assert (function(default)["Timeout"], function(default)["MemorySize"]) == (900, 1769)


def test_it_knows_the_version_of_the_handler(default: Template) -> None:
    """Which is published before it, after the alias has moved."""
    (version,) = (id_ for id_ in default.find_resources("AWS::Lambda::Version") if id_.startswith("Handler"))
    (alias,) = (id_ for id_ in default.find_resources("AWS::Lambda::Alias") if id_.startswith("Handler"))
    assert variables(default)["CLIENT_CONNECT_HANDLER_VERSION"] == {"Ref": version}
    assert alias in only(default.find_resources(FUNCTION, REAUTHORIZATION))["DependsOn"]


def test_it_may_call_exactly_what_it_calls(default: Template) -> None:
    """Exactly what it calls, on exactly those tables and endpoints."""
    (statements,) = (
        each["Properties"]["PolicyDocument"]["Statement"]
        for id_, each in default.find_resources("AWS::IAM::Policy").items()
        if id_.startswith("ReauthorizerRole")
    )
    (registry,) = default.find_resources(
        "AWS::DynamoDB::Table",
        {"Properties": {"KeySchema": [{"AttributeName": "connectionId", "KeyType": "HASH"}]}},
    )
    allowed = {json.dumps(each["Action"]): each["Resource"] for each in statements}
    assert allowed[
        '["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]'
    ] == {"Fn::GetAtt": [registry, "Arn"]}
    assert [each["Action"] for each in statements].count("dynamodb:BatchGetItem") == 2  # of the inventory
    assert json.dumps(
        allowed['["ec2:DescribeClientVpnConnections", "ec2:TerminateClientVpnConnections"]']
    ).endswith(f':client-vpn-endpoint/{ENDPOINT}"]]}}')
    assert [each["Action"] for each in statements if "*" in json.dumps(each["Resource"])] == []
    assert len(statements) == 5


def test_it_runs_on_a_schedule_and_is_not_tried_again(default: Template) -> None:
    """The next run does all that a failed one would have done."""
    default.has_resource_properties(
        "AWS::Events::Rule",
        {
            "ScheduleExpression": "rate(5 minutes)",
            "Targets": [
                Match.object_like(
                    {"RetryPolicy": {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 0}}
                )
            ],
        },
    )
    default.has_resource_properties(
        "AWS::Lambda::EventInvokeConfig", {"MaximumEventAgeInSeconds": 300, "MaximumRetryAttempts": 0}
    )


def runs(found: Template) -> dict[str, Any]:
    """Return the resource that runs it after deployments."""
    (run,) = (each for id_, each in found.find_resources("Custom::AWS").items() if "Deployment" in id_)
    resource: dict[str, Any] = run
    return resource


def test_it_runs_after_a_deployment(default: Template) -> None:
    """No one waits for it; the alias has moved by then, and its permissions are there."""
    run = runs(default)
    call = json.dumps(run["Properties"]["Update"])
    assert '\\"action\\":\\"invoke\\"' in call
    assert '\\"InvocationType\\":\\"Event\\"' in call
    assert run["Properties"]["Create"] == run["Properties"]["Update"]
    assert {id_[:12] for id_ in run["DependsOn"]} >= {"HandlerAlias", "Reauthorizer"}
    (alias,) = (id_ for id_ in default.find_resources("AWS::Lambda::Alias") if id_.startswith("Reauthorizer"))
    default.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "lambda:InvokeFunction",
                        "Effect": "Allow",
                        "Resource": {"Ref": alias},
                    }
                ]
            }
        },
    )


def test_the_run_after_a_deployment_follows_the_version_of_the_handler() -> None:
    """Another policy is another version, and so another run; other settings of the re-authorizer are not."""

    def run(policies: str, **arguments: Any) -> Any:
        stack = new_stack()
        define(stack, handler={"policies": Policies.from_string(policies)}, **arguments)
        return runs(template(stack))["Properties"]["Update"]

    permit = '@id("a") permit (principal, action, resource);'
    first = run(permit)
    assert run(permit) == run(permit, maximum_terminations=5) == first
    assert run(permit.replace('"a"', '"b"')) != first


def test_it_has_the_variables_of_the_handler() -> None:
    """A module of extra facts finds its settings there too, and prebuilt code its module."""
    stack = new_stack()
    added = {"CLIENT_CONNECT_EXTRA_FACTS": "risk", "RISK_SERVICE_URL": "https://risk.example.com"}
    code = lambda_.Code.from_bucket(s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"), "code.zip")
    define(stack, handler={"code": code, "environment": added})
    assert added.items() <= variables(template(stack)).items()


@pytest.mark.parametrize(
    "changed", [{"time_zone": "Europe/Berlin"}, {"default_message": "No."}, {"shadow_mode": True}], ids=str
)
def test_what_a_setting_of_the_handler_changes_is_known_to_runs(changed: dict[str, Any]) -> None:
    """Through the version, so no run with an old setting goes on next to one with the new."""

    def version(**arguments: Any) -> Any:
        stack = new_stack()
        define(stack, handler=arguments)
        return variables(template(stack))["CLIENT_CONNECT_HANDLER_VERSION"]

    assert version(**changed) != version() == version()


def test_each_argument_reaches_the_function() -> None:
    """Each reaches the function."""
    stack = new_stack()
    group = logs.LogGroup(stack, "Logs")
    defined = define(
        stack,
        schedule=cdk.Duration.minutes(10),
        maximum_terminations=7,
        maximum_share=1,
        share_floor=0,
        termination_window=cdk.Duration.days(1),
        wait_after_policy_change=cdk.Duration.minutes(0),
        connections_per_user=2,
        unknown_connections=UnknownConnections.DECIDE,
        dry_run=True,
        timeout=cdk.Duration.minutes(3),
        memory_size=512,
        log_group=group,
    )
    assert defined.log_group is group
    found = template(stack)
    properties, names = function(found), variables(found)
    assert (properties["Timeout"], properties["MemorySize"]) == (180, 512)
    assert names["CLIENT_CONNECT_INTERVAL_SECONDS"] == "600"
    assert names["CLIENT_CONNECT_MAXIMUM_TERMINATIONS"] == "7"
    assert names["CLIENT_CONNECT_MAXIMUM_SHARE"] == "1.0"
    assert names["CLIENT_CONNECT_SHARE_FLOOR"] == "0"
    assert names["CLIENT_CONNECT_TERMINATION_WINDOW_SECONDS"] == "86400"
    assert names["CLIENT_CONNECT_WAIT_SECONDS"] == "0"
    assert names["CLIENT_CONNECT_CONNECTIONS_PER_USER"] == "2"
    assert names["CLIENT_CONNECT_UNKNOWN_CONNECTIONS"] == "decide"
    assert names["CLIENT_CONNECT_DRY_RUN"] == "true"
    assert properties["LoggingConfig"]["LogGroup"] == stack.resolve(group.log_group_name)


CERTIFICATES, DIRECTORY, SAML = (
    {"type": "certificate-authentication", "mutualAuthentication": {"clientRootCertificateChainArn": "arn"}},
    {"type": "directory-service-authentication", "activeDirectory": {"directoryId": "d-1"}},
    {"type": "federated-authentication", "federatedAuthentication": {"samlProviderArn": "arn"}},
)


@pytest.mark.parametrize(
    ("options", "argument", "named"),
    [
        ([CERTIFICATES], None, True),
        ([DIRECTORY, CERTIFICATES], None, True),
        ([SAML, CERTIFICATES], None, False),  # it is not documented whose name EC2 reports then
        ([DIRECTORY], None, False),
        ([SAML], None, False),
        (cdk.Fn.condition_if("c", [CERTIFICATES], [SAML]), None, False),  # known at deployment only
        ([CERTIFICATES], False, False),
        ([SAML], True, True),
    ],
)
def test_at_which_endpoints_a_common_name_is_a_certificates(
    options: Any,
    argument: bool | None,  # noqa: FBT001 - a table
    named: bool,  # noqa: FBT001 - a table
) -> None:
    """Where the endpoint says so, or the argument; of an endpoint in another app it is unknown."""
    stack = new_stack()
    handler = ClientConnectHandler(
        stack, "Handler", connection_registry=ConnectionRegistry(stack, "Registry")
    )
    vpn = ec2.CfnClientVpnEndpoint(
        stack,
        "Vpn",
        authentication_options=options,
        client_connect_options=handler.client_connect_options,
        connection_log_options={"enabled": False},
        server_certificate_arn="arn",
    )
    ConnectionReauthorizer(
        stack,
        "Reauthorizer",
        handler=handler,
        endpoints=[vpn, ENDPOINT],
        mutual_authentication=argument,
    )
    variable = variables(template(stack)).get("CLIENT_CONNECT_CERTIFICATE_ENDPOINTS")
    if argument:
        assert variable == {"Fn::Join": ["", [{"Ref": "Vpn"}, f",{ENDPOINT}"]]}
    else:
        assert variable == ({"Ref": "Vpn"} if named else None)


def test_endpoints_of_every_kind() -> None:
    """Constructs of both levels, imported ones and ids."""
    stack = new_stack()
    registry = ConnectionRegistry(stack, "Registry")
    handler = ClientConnectHandler(stack, "Handler", connection_registry=registry)
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        stack, "Imported", endpoint_id="cvpn-endpoint-1", security_groups=[]
    )
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[endpoint(stack, handler), imported, ENDPOINT]
    )
    ids = json.dumps(variables(template(stack))["CLIENT_CONNECT_ENDPOINTS"])
    assert '{"Ref": "Endpoint"}' in ids
    assert f",cvpn-endpoint-1,{ENDPOINT}" in ids


def test_fails_with_an_endpoint_in_two_forms() -> None:
    """Its connections would be counted twice, so half as many would reach the cap."""
    stack = new_stack()
    imported = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        stack, "Imported", endpoint_id=ENDPOINT, security_groups=[]
    )
    with pytest.raises(InvalidArgument, match=f"endpoints has Stack-Imported, {ENDPOINT} more than once"):
        define(stack, endpoints=[imported, ENDPOINT])


def test_fails_with_an_endpoint_of_both_levels() -> None:
    """An endpoint and its own resource are one, even if the id is a token."""
    stack = new_stack()
    handler = ClientConnectHandler(
        stack, "Handler", connection_registry=ConnectionRegistry(stack, "Registry")
    )
    vpn = l2_endpoint(ec2.Vpc(stack, "Vpc"), handler)
    with pytest.raises(InvalidArgument, match="more than once"):
        ConnectionReauthorizer(
            stack, "Reauthorizer", handler=handler, endpoints=[vpn, cast("Any", vpn.node.default_child)]
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoints": []}, "endpoints is empty; give the endpoints"),
        ({"endpoints": ENDPOINT}, r"must be a list; write \[endpoint\]"),
        ({"endpoints": ["vpn"]}, "give an ec2.ClientVpnEndpoint"),
        ({"endpoints": [ENDPOINT, ENDPOINT]}, "more than once"),
        (
            {"schedule": cdk.Duration.minutes(31)},
            "from 1 to 30, because Client VPN lists connections that ended",
        ),
        ({"schedule": cdk.Duration.seconds(90)}, "whole minutes"),
        ({"schedule": 5}, "schedule=5 must be a Duration"),
        ({"maximum_terminations": -1}, "from 0 to 3000"),
        ({"maximum_terminations": 3001}, "from 0 to 3000"),
        ({"maximum_terminations": True}, "maximum_terminations=True"),
        ({"maximum_share": 0}, "maximum_share=0 must be a number above 0, at most 1"),
        ({"maximum_share": 1.01}, "maximum_share=1.01 must be"),
        ({"maximum_share": True}, "maximum_share=True must be"),
        ({"maximum_share": float("nan")}, "maximum_share=nan must be"),
        ({"share_floor": -1}, "share_floor=-1 must be a whole number from 0 to 3000"),
        ({"share_floor": 2.5}, "share_floor=2.5 must be"),
        ({"termination_window": cdk.Duration.minutes(4)}, "at least schedule and at most 1440"),
        (
            {"schedule": cdk.Duration.minutes(30), "termination_window": cdk.Duration.minutes(29)},
            "at least schedule",
        ),
        ({"termination_window": cdk.Duration.minutes(1441)}, "at most 1440"),
        ({"wait_after_policy_change": cdk.Duration.minutes(1441)}, "from 0 to 1440"),
        ({"wait_after_policy_change": cdk.Duration.seconds(90)}, "whole minutes"),
        ({"wait_after_policy_change": 600}, "wait_after_policy_change=600 must be a Duration"),
        ({"termination_window": 60}, "termination_window=60 must be a Duration"),
        ({"mutual_authentication": "yes"}, "mutual_authentication='yes' must be True, False or None"),
        ({"connections_per_user": 0}, "from 1, or None"),
        ({"unknown_connections": "decide"}, "UnknownConnections.LEAVE or .DECIDE"),
        ({"dry_run": "false"}, "dry_run='false' must be True or False"),
        ({"timeout": cdk.Duration.minutes(16)}, "from 1 to 15"),
        ({"memory_size": 128}, "from 256 to 10240"),
        ({"log_group": "x"}, "a logs.LogGroup or None"),
        ({"dry_run": 1, "memory_size": 1}, "(?s)dry_run=1.*memory_size=1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fails_for_a_wrong_argument_and_leaves_no_construct(arguments: dict[str, Any], message: str) -> None:
    """A wrong argument is refused with what to do, and leaves no construct."""
    stack = new_stack()
    with pytest.raises(InvalidArgument, match=message):
        define(stack, **arguments)
    assert stack.node.try_find_child("Reauthorizer") is None


def test_fails_without_a_handler() -> None:
    """Another construct is none."""
    with pytest.raises(InvalidArgument, match="handler='x' must be a ClientConnectHandler"):
        ConnectionReauthorizer(new_stack(), "Reauthorizer", handler="x", endpoints=[ENDPOINT])  # type: ignore[arg-type]


def test_fails_without_a_registry() -> None:
    """Nothing would be known of any connection."""
    stack = new_stack()
    handler = ClientConnectHandler(stack, "Handler")
    with pytest.raises(InvalidArgument, match=r"has no connection_registry.*give it a ConnectionRegistry"):
        ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT])


def test_fails_for_a_second_one() -> None:
    """Two would overwrite each other's state; another registry is free."""
    stack = new_stack()
    registry = ConnectionRegistry(stack, "Registry")
    handler = ClientConnectHandler(stack, "Handler", connection_registry=registry)
    defined = ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT])
    assert registry.reauthorizer is defined
    with pytest.raises(
        InvalidArgument,
        match=r"^registry Stack/Registry has the re-authorizer Stack/Reauthorizer already.*give that one all",
    ):
        ConnectionReauthorizer(stack, "Other", handler=handler, endpoints=["cvpn-endpoint-1"])
    assert stack.node.try_find_child("Other") is None
    other = ClientConnectHandler(
        stack, "OtherHandler", connection_registry=ConnectionRegistry(stack, "OtherRegistry")
    )
    assert ConnectionReauthorizer(stack, "Another", handler=other, endpoints=[ENDPOINT]).handler is other


@pytest.mark.parametrize(
    ("rules", "has_one"),
    [(Rules(connections_per_user=1), True), (Rules(connections_per_user=1), False), (Rules(), False)],
)
def test_a_limit_without_a_reauthorizer_is_a_warning(rules: Rules, *, has_one: bool) -> None:
    """The number would always be absent, so the limit would limit no one."""
    stack = new_stack()
    registry = ConnectionRegistry(stack, "Registry")
    policies = Policies.from_rules(rules)
    handler = ClientConnectHandler(stack, "Handler", policies=policies, connection_registry=registry)
    if has_one:
        ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[ENDPOINT])
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("noReauthorizer"))
    assert [each.id for each in found] == (["/Stack/Handler"] if rules != Rules() and not has_one else [])


def deviations(app: cdk.App) -> list[tuple[str, str, str]]:
    """Return the rule, the construct and the severity of what this library finds in the templates of an app."""
    with contextlib.suppress(RuntimeError):  # says that the report has errors
        app.synth()
    report = Path(app.outdir) / "validation-report.json"
    plugins = json.loads(report.read_text("utf-8"))["pluginReports"] if report.exists() else []
    return [
        (each["ruleName"], each["violatingConstructs"][0]["constructPath"], each["severity"])
        for plugin in plugins
        for each in plugin["violations"]
    ]


def two_handlers(app: cdk.App) -> tuple[cdk.Stack, ClientConnectHandler, ClientConnectHandler]:
    """Return a stack with two handlers; the first has a registry."""
    stack = cdk.Stack(app, "Stack")
    ours = ClientConnectHandler(stack, "Ours", connection_registry=ConnectionRegistry(stack, "Registry"))
    return stack, ours, ClientConnectHandler(stack, "Other")


def test_fails_without_an_endpoint_that_asks_the_handler() -> None:
    """Whichever way it was defined: its connections would never be decided again."""
    app = cdk.App(context=NO_BUNDLING)
    stack, ours, _ = two_handlers(app)
    watched = endpoint(stack, ours, "MonitoringTargets")
    endpoint(stack, ours, "L1")
    l2_endpoint(ec2.Vpc(stack, "Vpc"), ours)
    endpoint(
        stack, ours, "Unqualified"
    ).client_connect_options = ec2.CfnClientVpnEndpoint.ClientConnectOptionsProperty(
        enabled=True, lambda_function_arn=ours.function.function_arn
    )
    EndpointAttachment(stack, "Attachment", handler=ours, endpoint_id="cvpn-endpoint-0a")
    ConnectionReauthorizer(stack, "Reauthorizer", handler=ours, endpoints=[watched])
    missing = {path: severity for rule, path, severity in deviations(app) if rule == "unwatchedEndpoint"}
    resource = "Stack/Attachment/0a/Resource/Default"
    assert missing == dict.fromkeys(
        ["Stack/L1", "Stack/Vpc/L2Endpoint/Resource", "Stack/Unqualified", resource], "fatal"
    )


@pytest.mark.parametrize(("ids", "found"), [(1, 1), (2, 0), (3, 0)])
def test_ids_may_be_those_of_endpoints_in_another_stack(ids: int, found: int) -> None:
    """Which cannot be given as references; but there are no more endpoints than ids."""
    app = cdk.App(context=NO_BUNDLING)
    stack, ours, _ = two_handlers(app)
    consumer = cdk.Stack(app, "Consumer")
    for name in ("One", "Two"):
        endpoint(consumer, ours, name)
    ConnectionReauthorizer(
        stack, "Reauthorizer", handler=ours, endpoints=[f"cvpn-endpoint-0{n}" for n in range(ids)]
    )
    assert bool(found) == any(rule == "unwatchedEndpoint" for rule, *_ in deviations(app))


def test_fails_with_an_endpoint_that_does_not_ask_the_handler() -> None:
    """Whichever other it asks, or none: the policies here do not know its connections."""
    app = cdk.App(context=NO_BUNDLING)
    stack, ours, other = two_handlers(app)
    good, wrong, none, attached, later = (
        endpoint(stack, asked, name)
        for asked, name in (
            (ours, "Good"),
            (other, "Wrong"),
            (ours, "None"),
            (ours, "Attached"),
            (ours, "Later"),
        )
    )
    for each in (none, attached, later):
        each.client_connect_options = None
    later.add_property_override("ClientConnectOptions", {"Enabled": True, "LambdaFunctionArn": "arn:known"})
    EndpointAttachment(stack, "OnOurs", handler=ours, endpoint_id=attached.ref)
    EndpointAttachment(stack, "OnOther", handler=other, endpoint_id="cvpn-endpoint-0b")
    ConnectionReauthorizer(
        stack,
        "Reauthorizer",
        handler=ours,
        endpoints=[good, wrong, none, attached, later, ENDPOINT, "cvpn-endpoint-0b"],
    )
    assert sorted(deviations(app)) == [
        ("foreignEndpoint", path, "fatal")
        for path in ("Stack/None", "Stack/OnOther/0b/Resource/Default", "Stack/Wrong")
    ]


def test_fails_for_a_second_handler_with_the_same_registry() -> None:
    """The re-authorizer would end the connections of one by the policies of the other."""
    stack = new_stack()
    registry = ConnectionRegistry(stack, "Registry")
    staff = ClientConnectHandler(stack, "Staff", connection_registry=registry)
    assert registry.handler is staff
    with pytest.raises(
        InvalidArgument,
        match=r"^connection_registry Stack/Registry is that of handler Stack/Staff, and.*its own",
    ):
        ClientConnectHandler(stack, "Partners", connection_registry=registry)
    assert stack.node.try_find_child("Partners") is None


def test_fails_with_an_endpoint_elsewhere() -> None:
    """It lists connections of its Region only."""
    app = cdk.App(context=NO_BUNDLING)
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="1" * 12, region="eu-central-1"))
    other = cdk.Stack(app, "Other", env=cdk.Environment(account="1" * 12, region="eu-west-1"))
    elsewhere = ec2.ClientVpnEndpoint.from_endpoint_attributes(
        other, "Imported", endpoint_id="cvpn-endpoint-1", security_groups=[]
    )
    with pytest.raises(InvalidArgument, match="of its account and Region only"):
        define(stack, endpoints=[elsewhere])


def test_fails_with_a_log_group_elsewhere() -> None:
    """Lambda would look for a log group of that name where the function is."""
    here = cdk.Environment(account="1" * 12, region="eu-central-1")
    stack = new_stack(env=here)
    arn = "arn:aws:logs:us-east-1:111111111111:log-group:central:*"
    with pytest.raises(
        InvalidArgument, match=r"^Stack/Central is in aws://1+/us-east-1, .* give a log group there"
    ):
        define(stack, log_group=logs.LogGroup.from_log_group_arn(stack, "Central", arn))


def test_each_metric_is_of_the_function() -> None:
    """Each is of the function, in the library's namespace."""
    defined = define(new_stack())
    metrics = {
        "Reauthorized": defined.metric_reauthorized(),
        "Terminated": defined.metric_terminated(),
        "TerminatedByPolicies": defined.metric_terminated_by_policies(),
        "LeftAlone": defined.metric_left_alone(),
        "Undecided": defined.metric_undecided(),
        "CapExceeded": defined.metric_cap_exceeded(),
        "MissingEndpoints": defined.metric_missing_endpoints(),
        "TerminationFailures": defined.metric_termination_failures(),
        "RunTime": defined.metric_run_time(),
    }
    for name, metric in metrics.items():
        assert (metric.namespace, metric.metric_name) == ("ClientConnect", name)
        assert list(metric.dimensions or {}) == ["FunctionName"]
    assert metrics["Terminated"].statistic == cloudwatch.Stats.SUM
    assert defined.metric("Errors").namespace == "AWS/Lambda"


def test_the_examples_of_the_documentation() -> None:
    """They run one after the other, and synthesize."""
    text = (ROOT / "docs" / "reauthorization.md").read_text("utf-8")
    stack = new_stack()
    names = {"stack": stack}
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for example in examples:
        exec(example, names)  # noqa: S102 - our own
    assert len(examples) == 4
    template(stack).resource_count_is("AWS::CloudWatch::Alarm", 2)


def test_the_documentation_lists_every_metric() -> None:
    """None is missing, and none is made up."""
    text = (ROOT / "docs" / "reauthorization.md").read_text("utf-8")
    metrics = text.split("## Metrics")[1].split("## Permissions")[0]
    assert set(re.findall(r"^\| `(\w+)`", metrics, re.MULTILINE)) == set(_UNITS | _UNITS_OF_SCAN)


def test_it_is_clean(synthesized: Callable[..., Path]) -> None:
    """It has no finding under AwsSolutions but the one that it acknowledges, and none under cfn-lint.

    Such as a circle, when the handler's versions are rolled out gradually.
    """

    def build(app: cdk.App) -> None:
        stack = cdk.Stack(app, "Stack")
        defined = define(stack, handler={"device_inventory": DeviceInventory(stack, "Inventory")})
        monitoring = ConnectionMonitoring(
            stack,
            "Monitoring",
            handler=defined.handler,
            endpoints=[],
            connection_log_group=None,
            reauthorizer=defined,
            dashboard=False,
        )
        GradualDeployment(stack, "Rollout", handler=defined.handler, monitoring=monitoring)

    folder = synthesized(build)
    assert nag_findings(folder) == []
    require_lint_clean(folder)
