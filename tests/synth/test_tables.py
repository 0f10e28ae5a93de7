"""Inventories and registries: their tables, and what a handler may do with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    InvalidArgument,
    InvalidTimeout,
    Policies,
    Rules,
)
from client_connect import PolicySet, settings
from client_connect.engine.policy_reads import may_read

from .conftest import NO_BUNDLING, endpoint, template

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "AWS::DynamoDB::Table"
COUNTING = Policies.from_rules(Rules(connections_per_user=1))
ON_DEVICES = Policies.from_rules(Rules(registered_devices=True))
WARNING = "cdk-client-connect:noMutualAuthentication"


def statements(stack: cdk.Stack, service: str) -> list[tuple[list[str], str]]:
    """Return what roles may do with a service: the actions, and the ids of the resources they are for."""
    found = template(stack).find_resources("AWS::IAM::Policy").values()
    return [
        (_listed(statement["Action"]), str(statement["Resource"]))
        for policy in found
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if _listed(statement["Action"])[0].startswith(f"{service}:")
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def define(stack: cdk.Stack) -> Callable[..., ClientConnectHandler]:
    """Define a handler with an inventory and a registry, in `stack`."""

    def define(**arguments: Any) -> ClientConnectHandler:
        arguments.setdefault("device_inventory", DeviceInventory(stack, "Inventory"))
        arguments.setdefault("connection_registry", ConnectionRegistry(stack, "Registry"))
        return ClientConnectHandler(stack, "Handler", **arguments)

    return define


def test_tables_are_recoverable_encrypted_and_billed_by_request(stack: cdk.Stack) -> None:
    """Recoverable, encrypted, billed by request; the inventory is retained, the registry is not."""
    DeviceInventory(stack, "Inventory")
    ConnectionRegistry(stack, "Registry")
    tables = template(stack).find_resources(TABLE).values()
    by_key = {table["Properties"]["KeySchema"][0]["AttributeName"]: table for table in tables}
    assert by_key.keys() == {"commonName", "holder", "connectionId"}
    for table in by_key.values():
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert [by_key[key]["DeletionPolicy"] for key in ("commonName", "holder", "connectionId")] == [
        "RetainExceptOnCreate",
        "RetainExceptOnCreate",
        "Delete",
    ]
    lasting = {"AttributeName": "expiresAt", "Enabled": True}
    assert "TimeToLiveSpecification" not in by_key["commonName"]["Properties"]
    assert by_key["holder"]["Properties"]["TimeToLiveSpecification"] == lasting
    assert by_key["connectionId"]["Properties"]["TimeToLiveSpecification"] == lasting
    (index,) = by_key["connectionId"]["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "byPrincipal"
    assert index["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["endpointId", "at", "confirmed", "terminatedAt", "commonName"],
    }


def test_the_tables_as_configured(stack: cdk.Stack) -> None:
    """With a key of one's own, protected, and removed with the stack."""
    key = kms.Key(stack, "Key")
    DeviceInventory(
        stack,
        "Inventory",
        encryption_key=key,
        removal_policy=cdk.RemovalPolicy.DESTROY,
        deletion_protection=True,
    )
    ConnectionRegistry(stack, "Registry", encryption_key=key, removal_policy=cdk.RemovalPolicy.RETAIN)
    synthesized = template(stack)
    synthesized.all_resources_properties(
        TABLE, {"SSESpecification": {"SSEType": "KMS", "KMSMasterKeyId": assertions.Match.any_value()}}
    )
    synthesized.resource_properties_count_is(TABLE, {"DeletionProtectionEnabled": True}, 2)


def test_tables_that_exist_are_used(stack: cdk.Stack) -> None:
    """An inventory defines only what it is not given."""
    devices = dynamodb.Table.from_table_name(stack, "Existing", "mdm-devices")
    inventory = DeviceInventory(stack, "Inventory", devices_table=devices)
    ClientConnectHandler(stack, "Handler", device_inventory=inventory)
    synthesized = template(stack)
    synthesized.resource_count_is(TABLE, 1)
    synthesized.has_resource_properties(
        "AWS::Lambda::Function",
        {"Environment": {"Variables": assertions.Match.object_like({settings.DEVICES_TABLE: "mdm-devices"})}},
    )


def test_a_handler_without_tables_knows_none(stack: cdk.Stack) -> None:
    """Its environment and its role are those of before."""
    ClientConnectHandler(stack, "Handler")
    (function,) = (
        template(stack)
        .find_resources(
            "AWS::Lambda::Function", {"Properties": {"Handler": "client_connect.handler.handler"}}
        )
        .values()
    )
    variables = function["Properties"]["Environment"]["Variables"]
    assert variables.keys() == {settings.SHADOW_MODE, settings.DEFAULT_MESSAGE, settings.TIME_ZONE}
    assert statements(stack, "dynamodb") == []


def test_a_handler_may_do_what_it_does(stack: cdk.Stack, define: Callable[..., ClientConnectHandler]) -> None:
    """One read of the inventory, one write to the registry, on these tables."""
    handler = define()
    assert handler.device_inventory is not None
    assert handler.connection_registry is not None
    granted = sorted(statements(stack, "dynamodb"))
    assert [actions for actions, _ in granted] == [
        ["dynamodb:BatchGetItem"],
        ["dynamodb:BatchGetItem"],
        ["dynamodb:PutItem"],
    ]
    for name, (_, resource) in zip(
        ("InventoryDevices", "InventoryWaivers", "RegistryConnections"), granted, strict=True
    ):
        assert name in resource
        assert "*" not in resource


def test_a_handler_whose_policies_count_may_count(
    stack: cdk.Stack, define: Callable[..., ClientConnectHandler]
) -> None:
    """The one index, by its name."""
    define(policies=COUNTING, device_inventory=None)
    granted = {tuple(actions): resource for actions, resource in statements(stack, "dynamodb")}
    assert sorted(granted) == [("dynamodb:BatchGetItem",), ("dynamodb:PutItem",), ("dynamodb:Query",)]
    assert "/index/byPrincipal" in granted["dynamodb:Query",]


@pytest.mark.parametrize(
    ("policies", "counts"),
    [
        ("// Not context.activeConnections yet.\n", False),
        (
            '@id("m") @message("activeConnections") forbid (principal, action, resource) when { false };',
            False,
        ),
        (
            '@id("s") @shadow permit (principal, action, resource) when { context has activeConnections };',
            True,
        ),
        (
            '@id("e") forbid (principal, action, resource) when { context has "active\\u{43}onnections" };',
            True,
        ),
        (
            '@id("w") forbid (principal, action, resource) when { {x: context}.x has activeConnections };',
            True,
        ),
    ],
    ids=["comment", "message", "shadow", "escaped", "in a record"],
)
def test_a_handler_may_count_where_a_policy_reads_the_number(
    stack: cdk.Stack, define: Callable[..., ClientConnectHandler], policies: str, *, counts: bool
) -> None:
    """As the function itself finds it: what it asks, it may."""
    text = '@id("all") permit (principal, action, resource);' + policies
    define(policies=Policies.from_string(text), device_inventory=None)
    assert (["dynamodb:Query"] in [actions for actions, _ in statements(stack, "dynamodb")]) is counts
    assert may_read(PolicySet.parse(text).reads, "activeConnections") is counts


def test_prebuilt_code_may_count(stack: cdk.Stack, define: Callable[..., ClientConnectHandler]) -> None:
    """It is unknown what its policies read."""
    define(code=lambda_.Code.from_inline("handler = None"), device_inventory=None)
    assert ["dynamodb:Query"] in [actions for actions, _ in statements(stack, "dynamodb")]


def test_a_handler_that_loses_its_inventory_can_keep_the_permission(stack: cdk.Stack) -> None:
    """For the version that still decides while the role has changed already, which the documentation says."""

    def tables_of(stack: cdk.Stack, *, given: bool, granted: bool = False) -> list[tuple[list[str], str]]:
        inventory = DeviceInventory(stack, "Inventory")
        handler = ClientConnectHandler(stack, "Handler", device_inventory=inventory if given else None)
        if granted:
            inventory.grant_look_up(handler.role)
        return statements(stack, "dynamodb")

    def new_stack() -> cdk.Stack:
        return cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")

    before = tables_of(stack, given=True)
    assert tables_of(new_stack(), given=False) == []
    assert tables_of(new_stack(), given=False, granted=True) == before


def test_a_key_of_ones_own_is_granted(stack: cdk.Stack) -> None:
    """Else the tables could not be read; who only reads them may not encrypt."""
    inventory = DeviceInventory(stack, "Inventory", encryption_key=kms.Key(stack, "Key"))
    ClientConnectHandler(stack, "Handler", device_inventory=inventory)
    assert [actions for actions, _ in statements(stack, "kms")] == [["kms:Decrypt", "kms:DescribeKey"]]


def test_a_writer_may_do_more_with_the_key(stack: cdk.Stack) -> None:
    """The actions that DynamoDB needs to write, as AWS documents them."""
    registry = ConnectionRegistry(stack, "Registry", encryption_key=kms.Key(stack, "Key"))
    ClientConnectHandler(stack, "Handler", connection_registry=registry)
    assert [actions for actions, _ in statements(stack, "kms")] == [
        [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ]
    ]


@pytest.mark.parametrize("kind", ["key", "imported key", "alias", "imported alias"])
def test_a_key_is_granted_through_dynamodb_alone(kind: str) -> None:
    """Whoever has the role cannot decrypt what another service has encrypted with the same key."""
    flag = {"@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal": True}
    stack = cdk.Stack(
        cdk.App(context={**flag, **NO_BUNDLING}), "Stack", env=cdk.Environment(region="eu-central-1")
    )
    key: kms.IKey = kms.Key(stack, "Key")
    if kind == "imported key":
        key = kms.Key.from_key_arn(stack, "Imported", "arn:aws:kms:eu-central-1:111122223333:key/a-b")
    elif kind == "alias":
        key = kms.Alias(stack, "Alias", alias_name="alias/own", target_key=key)
    elif kind == "imported alias":
        key = kms.Alias.from_alias_name(stack, "Alias", "alias/vpn")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    ConnectionRegistry(stack, "Registry", encryption_key=key).grant_record(role)
    policies = template(stack).find_resources("AWS::IAM::Policy").values()
    (granted,) = (
        statement
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "kms:" in str(statement["Action"])
    )
    assert granted["Condition"]["StringEquals"] == {"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"}
    assert ("ForAnyValue:StringEquals" in granted["Condition"]) == (kind == "imported alias")


def test_who_has_no_policy_is_named_in_the_keys_policy_through_dynamodb_alone(stack: cdk.Stack) -> None:
    """Such as another account."""
    registry = ConnectionRegistry(stack, "Registry", encryption_key=kms.Key(stack, "Key"))
    registry.grant_record(iam.AccountPrincipal("444455556666"))
    (key,) = template(stack).find_resources("AWS::KMS::Key").values()
    (granted,) = (
        statement
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if statement["Action"] != "kms:*"
    )
    via = {"Fn::Join": ["", ["dynamodb.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]}
    assert granted["Condition"] == {"StringEquals": {"kms:ViaService": via}}


def test_warns_of_a_key_that_cannot_be_granted(stack: cdk.Stack) -> None:
    """Without a feature flag the CDK grants nothing by an imported alias; those of AWS need no grant."""
    for id_, alias in (("Ours", "alias/vpn"), ("OfAws", "alias/aws/dynamodb")):
        key = kms.Alias.from_alias_name(stack, f"{id_}Key", alias)
        role = iam.Role(stack, f"{id_}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        ConnectionRegistry(stack, id_, encryption_key=key).grant_record(role)
    warnings = assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())
    (warning,) = warnings
    assert warning.id == "/Stack/Ours/Connections"
    assert "the key of Stack/Ours/Connections is an imported alias" in str(warning.entry.data)
    assert "cdk-client-connect:keyNotGranted" in str(warning.entry.data)


def test_no_warning_of_an_alias_that_is_granted() -> None:
    """With the feature flag it is, by the alias."""
    flag = {"@aws-cdk/aws-kms:applyImportedAliasPermissionsToPrincipal": True}
    stack = cdk.Stack(cdk.App(context={**flag, **NO_BUNDLING}), "Stack")
    registry = ConnectionRegistry(
        stack, "Registry", encryption_key=kms.Alias.from_alias_name(stack, "Key", "alias/vpn")
    )
    ClientConnectHandler(stack, "Handler", connection_registry=registry)
    assert len(statements(stack, "kms")) == 1
    assert not assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("encryption_key", "encryption_key is for new tables, .* import them with their key"),
        ("deletion_protection", "deletion_protection is for new tables, .* protect them where"),
    ],
)
def test_fails_for_what_new_tables_would_have(stack: cdk.Stack, argument: str, problem: str) -> None:
    """A key that is not granted would lock everybody out; where there is one new table, it is for that."""
    devices = dynamodb.Table.from_table_name(stack, "Devices", "devices")
    waivers = dynamodb.Table.from_table_name(stack, "Waivers", "waivers")
    given: dict[str, Any] = {argument: kms.Key(stack, "Key") if argument == "encryption_key" else True}
    with pytest.raises(InvalidArgument, match=problem):
        DeviceInventory(stack, "Inventory", devices_table=devices, waivers_table=waivers, **given)
    DeviceInventory(stack, "Inventory", devices_table=devices, **given)


@pytest.mark.parametrize(
    ("grant", "tables", "actions"),
    [
        ("grant_read", ["Devices", "Waivers"], ["BatchGetItem", "GetItem", "Scan"]),
        ("grant_write", ["Devices"], ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]),
        ("grant_write_waivers", ["Waivers"], ["GetItem", "PutItem", "DeleteItem"]),
        ("grant_write_blocks", ["Waivers"], ["GetItem", "PutItem", "DeleteItem"]),
        ("grant_look_up", ["Devices", "Waivers"], ["BatchGetItem"]),
    ],
)
def test_a_grant_reaches_only_its_tables_and_actions(
    stack: cdk.Stack, grant: str, tables: list[str], actions: list[str]
) -> None:
    """A function that synchronizes devices cannot grant waivers."""
    inventory = DeviceInventory(stack, "Inventory")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    assert getattr(inventory, grant)(role).success
    granted = statements(stack, "dynamodb")
    resources = "".join(resource for _, resource in granted)
    assert {name for name in ("Devices", "Waivers") if f"Inventory{name}" in resources} == set(tables)
    assert {action for each, _ in granted for action in each} == {f"dynamodb:{name}" for name in actions}


@pytest.mark.parametrize(
    ("grant", "keys"),
    [
        ("grant_write_waivers", ["device:*", "user:*", "ended:*"]),
        ("grant_write_blocks", ["blocked:*", "unblocked:*"]),
    ],
)
def test_who_may_waive_may_not_unblock(stack: cdk.Stack, grant: str, keys: list[str]) -> None:
    """Waivers and blocks are in one table, so the permission is on their keys, and never without one."""
    inventory = DeviceInventory(stack, "Inventory")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    assert getattr(inventory, grant)(role).success
    (policy,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


@pytest.mark.parametrize("argument", ["device_inventory", "connection_registry"])
def test_fails_for_a_timeout_that_leaves_no_time_for_tables(
    define: Callable[..., ClientConnectHandler], argument: str
) -> None:
    """A table that is down must still be answered with a message."""
    other = {"device_inventory", "connection_registry"} - {argument}
    with pytest.raises(InvalidTimeout, match="timeout of 4 s must be at least 5 s"):
        define(timeout=cdk.Duration.seconds(4), **dict.fromkeys(other))


@pytest.mark.parametrize("argument", ["device_inventory", "connection_registry"])
def test_fails_for_what_is_no_table_of_ours(
    define: Callable[..., ClientConnectHandler], argument: str
) -> None:
    """Such as the name of a table."""
    with pytest.raises(InvalidArgument, match=f"{argument}='devices' must be a "):
        define(**{argument: "devices"})


def test_fails_for_tables_in_another_region() -> None:
    """The handler asks DynamoDB in its own Region."""
    app = cdk.App(context=NO_BUNDLING)
    here, there = (
        cdk.Stack(app, name, env=cdk.Environment(account="1" * 12, region=region))
        for name, region in (("Here", "eu-central-1"), ("There", "us-east-1"))
    )
    inventory = DeviceInventory(there, "Inventory")
    with pytest.raises(InvalidArgument, match=r"There/Inventory is in .*us-east-1.*eu-central-1"):
        ClientConnectHandler(here, "Handler", device_inventory=inventory)


def test_tables_in_another_stack() -> None:
    """Their names are handed on, as everything is between stacks."""
    app = cdk.App(context=NO_BUNDLING)
    inventory = DeviceInventory(cdk.Stack(app, "Tables"), "Inventory")
    stack = cdk.Stack(app, "Handlers")
    ClientConnectHandler(stack, "Handler", device_inventory=inventory)
    for _, resource in statements(stack, "dynamodb"):
        assert "Fn::ImportValue" in resource or "Fn::GetStackOutput" in resource


@pytest.mark.parametrize(
    ("policies", "mutual", "warned"),
    [(ON_DEVICES, False, True), (ON_DEVICES, True, False), (None, False, False)],
    ids=["no certificates", "certificates", "no policies on devices"],
)
def test_warns_when_no_endpoint_asks_for_certificates(
    stack: cdk.Stack,
    define: Callable[..., ClientConnectHandler],
    policies: Policies | None,
    *,
    mutual: bool,
    warned: bool,
) -> None:
    """Without mutual authentication no device has a common name, and no one would be let in."""
    handler = define(policies=policies)
    if mutual:
        endpoint(stack, handler)
    annotations = assertions.Annotations.from_stack(stack)
    found = annotations.find_warning("*", assertions.Match.string_like_regexp(WARNING))
    assert bool(found) is warned


def user_endpoint(scope: cdk.Stack, kind: str, id_: str = "Endpoint", **arguments: Any) -> None:
    """Define an endpoint that authenticates so."""
    ec2.CfnClientVpnEndpoint(
        scope,
        id_,
        **arguments,
        authentication_options=[{"type": kind}],
        client_cidr_block="10.0.0.0/16",
        connection_log_options={"enabled": False},
        server_certificate_arn="arn",
    )


@pytest.mark.parametrize(
    ("policies", "kind", "warned"),
    [
        (Policies.from_rules(Rules(blocked_users=["mallory"])), "certificate-authentication", True),
        (Policies.from_rules(Rules(groups=["staff"])), "certificate-authentication", True),
        (
            Policies.from_string('@id("u") permit (principal is ClientVpn::User, action, resource);'),
            "certificate-authentication",
            True,
        ),
        (
            Policies.from_string(
                '@id("g") permit (principal, action, resource) when { principal in ClientVpn::Group::"a" };'
            ),
            "certificate-authentication",
            True,
        ),
        (Policies.from_rules(Rules(blocked_common_names=["a"])), "certificate-authentication", False),
        (Policies.from_rules(Rules(blocked_users=["mallory"])), "federated-authentication", False),
        (Policies.from_rules(Rules(groups=["staff"])), "directory-service-authentication", False),
        (Policies.from_rules(Rules(groups=["staff"])), cdk.Aws.STACK_NAME, False),
        (Policies.from_rules(Rules(groups=["staff"])), None, False),
    ],
    ids=["user", "group", "is", "in", "device", "SAML", "directory", "token", "no endpoint"],
)
def test_warns_when_no_endpoint_authenticates_users(
    stack: cdk.Stack, policies: Policies, kind: str | None, *, warned: bool
) -> None:
    """Client VPN sends no user name and no groups then, and a forbid on one would block no one."""
    ClientConnectHandler(stack, "Handler", policies=policies)
    if kind is not None:
        user_endpoint(stack, kind)
    annotations = assertions.Annotations.from_stack(stack)
    found = annotations.find_warning("*", assertions.Match.string_like_regexp("noUserAuthentication"))
    assert bool(found) is warned


AD, CERTIFICATES = "directory-service-authentication", "certificate-authentication"
ON_USERS = Policies.from_rules(Rules(blocked_users=["mallory"]))
ON_NAMES = Policies.from_rules(Rules(blocked_common_names=["lost"]))
ON_DEVICE_ENTITIES = Policies.from_string(
    '@id("a") permit (principal, action, resource);'
    '@id("b") @ignore("device-principal") @message("Ask us.") '
    'forbid (principal == ClientVpn::Device::"lost", action, resource);'
)


@pytest.mark.parametrize(
    ("policies", "own", "others", "warned"),
    [
        (ON_USERS, [CERTIFICATES], [AD], "noUserAuthentication.*Stack/Own0 does not"),
        (ON_USERS, [AD, CERTIFICATES], [], "noUserAuthentication.*Stack/Own1 does not"),
        (ON_USERS, [AD], [CERTIFICATES], None),
        (ON_NAMES, [AD], [CERTIFICATES], "noMutualAuthentication.*Stack/Own0 does not"),
        (ON_DEVICE_ENTITIES, [AD], [], "noMutualAuthentication.*common names of devices"),
        (ON_NAMES, [CERTIFICATES], [AD], None),
        (ON_NAMES, [], [AD], "noMutualAuthentication.*no endpoint of this app"),
        (ON_NAMES, [], [], None),
        (Policies.from_rules(Rules(platforms=["win"])), [AD, CERTIFICATES], [], None),
    ],
)
def test_warns_for_each_endpoint_of_the_handler_that_does_not_tell_what_policies_read(
    stack: cdk.Stack, policies: Policies, own: list[str], others: list[str], warned: str | None
) -> None:
    """Another endpoint that does is none of this handler's; without its own, all of the app count together."""
    handler = ClientConnectHandler(stack, "Handler", policies=policies)
    for number, kind in enumerate(own):
        options = handler.client_connect_options
        user_endpoint(stack, kind, f"Own{number}", client_connect_options=options)
    for number, kind in enumerate(others):
        user_endpoint(stack, kind, f"Other{number}")
    annotations = assertions.Annotations.from_stack(stack)
    found = [str(each.entry.data) for each in annotations.find_warning("*", assertions.Match.any_value())]
    matched = [re.search(warned, f"{each[each.index('[ack') :]} {each}") for each in found] if warned else []
    assert (len(found), all(matched)) == (1 if warned else 0, True), found


@pytest.mark.parametrize(
    ("policies", "kind", "warned"),
    [
        (Policies.from_rules(Rules(blocked_common_names=["lost"])), "directory-service-authentication", True),
        (
            Policies.from_string(
                '@id("d") forbid (principal == ClientVpn::Device::"lost", action, resource);'
                '@id("all") permit (principal, action, resource);'
            ),
            "federated-authentication",
            True,
        ),
        (Policies.from_rules(Rules(blocked_users=["lost"])), "directory-service-authentication", False),
        (Policies.from_rules(Rules(blocked_common_names=["lost"])), "certificate-authentication", False),
        (Policies.from_rules(Rules(blocked_common_names=["lost"])), cdk.Aws.STACK_NAME, False),
        (Policies.from_rules(Rules(blocked_common_names=["lost"])), None, False),
    ],
    ids=["common name", "device", "user", "certificate", "token", "no endpoint"],
)
def test_warns_when_policies_name_devices_that_no_endpoint_knows(
    stack: cdk.Stack, policies: Policies, kind: str | None, *, warned: bool
) -> None:
    """A forbid on a lost device would never apply, with or without an inventory."""
    ClientConnectHandler(stack, "Handler", policies=policies)
    if kind is not None:
        user_endpoint(stack, kind)
    annotations = assertions.Annotations.from_stack(stack)
    found = annotations.find_warning("*", assertions.Match.string_like_regexp(WARNING))
    assert bool(found) is warned


def test_the_other_warnings_are_gone(stack: cdk.Stack, define: Callable[..., ClientConnectHandler]) -> None:
    """The facts that policies read are now provided."""
    rules = Rules(registered_devices=True, connections_per_user=1)
    handler = define(policies=Policies.from_rules(rules))
    ConnectionReauthorizer(stack, "Reauthorizer", handler=handler, endpoints=[endpoint(stack, handler)])
    assert assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value()) == []


@pytest.mark.parametrize(
    "options",
    [
        cdk.Fn.condition_if("C", [{"Type": "certificate-authentication"}], []),
        [cdk.Fn.condition_if("C", {"Type": "certificate-authentication"}, {"Ref": "AWS::NoValue"})],
        [{"type": cdk.Aws.STACK_NAME}],
    ],
    ids=["all", "one", "its type"],
)
def test_an_endpoint_that_may_ask_for_certificates_does(
    stack: cdk.Stack, define: Callable[..., ClientConnectHandler], options: Any
) -> None:
    """A value known only at deployment is no reason to warn, in whichever stack of the app it is."""
    define(policies=ON_DEVICES)
    ec2.CfnClientVpnEndpoint(
        cdk.Stack(cdk.Stage.of(stack), "Other"),
        "Endpoint",
        authentication_options=options,
        client_cidr_block="10.0.0.0/16",
        connection_log_options={"enabled": False},
        server_certificate_arn="arn",
    )
    annotations = assertions.Annotations.from_stack(stack)
    assert annotations.find_warning("*", assertions.Match.string_like_regexp(WARNING)) == []


def key(name: str, type_: dynamodb.AttributeType = dynamodb.AttributeType.STRING) -> dynamodb.Attribute:
    """Return a key of a table."""
    return dynamodb.Attribute(name=name, type=type_)


@pytest.mark.parametrize("kind", [dynamodb.Table, dynamodb.TableV2], ids=["Table", "TableV2"])
def test_tables_of_ones_own_have_these_keys(stack: cdk.Stack, kind: Any) -> None:
    """Of a table that the app defines it is known: the documented key is taken, another one refused."""
    devices = kind(stack, "Devices", partition_key=key("commonName"))
    waivers = kind(stack, "Waivers", partition_key=key("holder"))
    indexed = kind(stack, "Indexed", partition_key=key("commonName"))
    indexed.add_global_secondary_index(index_name="byOwner", partition_key=key("owner"))
    DeviceInventory(stack, "Inventory", devices_table=devices, waivers_table=waivers)
    DeviceInventory(stack, "IndexedInventory", devices_table=indexed)
    with pytest.raises(
        InvalidArgument,
        match=r'^table Stack/Devices has the key "commonName" \(S\); its key must be "holder"',
    ):
        DeviceInventory(stack, "Refused", waivers_table=devices)
    numbered = kind(stack, "Numbered", partition_key=key("commonName", dynamodb.AttributeType.NUMBER))
    sorted_ = kind(stack, "Sorted", partition_key=key("commonName"), sort_key=key("at"))
    for table, found in ((numbered, r'"commonName" \(N\)'), (sorted_, r'"commonName" \(S\) and "at" \(S\)')):
        with pytest.raises(
            InvalidArgument, match=f'has the key {found}; its key must be "commonName" .S, a string. alone'
        ):
            DeviceInventory(stack, "Refused", devices_table=table)
    assert stack.node.try_find_child("Refused") is None


HERE = cdk.Environment(account="1" * 12, region="eu-central-1")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:dynamodb:us-east-1:111111111111:table/devices",
        "arn:aws:dynamodb:eu-central-1:222222222222:table/devices",
        f"arn:{cdk.Aws.PARTITION}:dynamodb:us-east-1:{cdk.Aws.ACCOUNT_ID}:table/devices",
    ],
    ids=["Region", "account", "Region, in a partition"],
)
def test_fails_for_an_imported_table_of_elsewhere(arn: str) -> None:
    """Its ARN decides; where the inventory's own environment is not known, that of the handler does."""
    app = cdk.App(context=NO_BUNDLING)
    here, anywhere = cdk.Stack(app, "Here", env=HERE), cdk.Stack(app, "Anywhere")
    there = r"/Devices is in aws://[^ ]+, but what uses it in aws://111111111111/eu-central-1"
    with pytest.raises(InvalidArgument, match=f"^Here{there}"):
        DeviceInventory(here, "Inventory", devices_table=dynamodb.Table.from_table_arn(here, "Devices", arn))
    inventory = DeviceInventory(
        anywhere, "Inventory", waivers_table=dynamodb.Table.from_table_arn(anywhere, "Devices", arn)
    )
    with pytest.raises(InvalidArgument, match=f"^Anywhere{there}"):
        ClientConnectHandler(here, "Handler", device_inventory=inventory)


def test_an_imported_table_of_here_is_used() -> None:
    """By its ARN, whose parts may be known at deployment only, or by its name."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack", env=HERE)
    arns = (
        "arn:aws:dynamodb:eu-central-1:111111111111:table/devices",
        cdk.Fn.import_value("Table"),
        f"arn:aws:dynamodb:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:table/devices",
    )
    for number, arn in enumerate(arns):
        table = dynamodb.Table.from_table_arn(stack, f"Table{number}", arn)
        DeviceInventory(stack, f"Inventory{number}", devices_table=table)
    by_name = dynamodb.Table.from_table_name(stack, "Named", "devices")
    DeviceInventory(stack, "Inventory", devices_table=by_name)


def test_fails_for_a_table_of_another_stack_elsewhere() -> None:
    """Even of one that the app defines."""
    app = cdk.App(context=NO_BUNDLING)
    there = cdk.Stack(app, "There", env=cdk.Environment(account="1" * 12, region="us-east-1"))
    table = dynamodb.TableV2(there, "Devices", partition_key=key("commonName"), table_name="devices")
    with pytest.raises(InvalidArgument, match=r"^There/Devices is in aws://111111111111/us-east-1"):
        DeviceInventory(cdk.Stack(app, "Here", env=HERE), "Inventory", devices_table=table)


def test_the_longest_waiver_is_told_the_handler(stack: cdk.Stack) -> None:
    """In minutes; without it there is no variable."""
    inventory = DeviceInventory(stack, "Inventory", longest_waiver=cdk.Duration.days(7))
    ClientConnectHandler(stack, "Handler", device_inventory=inventory, policies=ON_DEVICES)
    ClientConnectHandler(stack, "Other", device_inventory=DeviceInventory(stack, "Any"), policies=ON_DEVICES)
    found = [
        function["Properties"]["Environment"]["Variables"].get(settings.LONGEST_WAIVER)
        for function in template(stack).find_resources("AWS::Lambda::Function").values()
        if settings.WAIVERS_TABLE in function["Properties"].get("Environment", {}).get("Variables", {})
    ]
    assert sorted(found, key=str) == ["10080m", None]


@pytest.mark.parametrize("duration", [cdk.Duration.seconds(0), cdk.Duration.seconds(90)])
def test_fails_for_a_longest_waiver_that_is_no_minutes(stack: cdk.Stack, duration: cdk.Duration) -> None:
    """The message has what came and what to give."""
    with pytest.raises(InvalidArgument, match=r"^longest_waiver is .*; give whole minutes, such as Duration"):
        DeviceInventory(stack, "Inventory", longest_waiver=duration)
