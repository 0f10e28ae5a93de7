"""The construct that keeps an inventory as a device manager has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Match, Template

from cdk_client_connect import (
    CrowdStrike,
    DeviceInventory,
    DeviceSync,
    Fleet,
    Intune,
    InvalidArgument,
    Iru,
    JamfPro,
    JsonSource,
    JumpCloud,
)
from client_connect_devices.configuration import OPTIONS, SOURCE, TEST_SERVER, read_options, read_source

from .conftest import NO_BUNDLING, only, template

if TYPE_CHECKING:
    from cdk_client_connect import DeviceSource

FUNCTION = "AWS::Lambda::Function"
ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:intune-AbCdEf"
HOST = "https://fleet.example.com"


@pytest.fixture(scope="module")
def scope() -> cdk.Stack:
    """A stack for sources, which are no constructs."""
    return cdk.Stack(cdk.App(context=NO_BUNDLING), "Sources")


@pytest.fixture(scope="module")
def secret(scope: cdk.Stack) -> secretsmanager.ISecret:
    """A secret."""
    return secretsmanager.Secret.from_secret_complete_arn(scope, "Secret", ARN)


@pytest.fixture(scope="module")
def synthesized(secret: secretsmanager.ISecret) -> Template:
    """A sync of Intune with its defaults."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    inventory = DeviceInventory(stack, "Inventory")
    DeviceSync(stack, "Sync", inventory=inventory, source=Intune(tenant="contoso.example", secret=secret))
    return template(stack)


def variables(synthesized: Template) -> dict[str, Any]:
    """The variables of the function."""
    found: dict[str, Any] = only(synthesized.find_resources(FUNCTION))["Properties"]["Environment"][
        "Variables"
    ]
    return found


def define(
    secret: secretsmanager.ISecret, *, other: dict[str, Any] | None = None, **arguments: Any
) -> DeviceSync:
    """Define a sync in its own stack."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    inventory = DeviceInventory(stack, "Inventory")
    if other is not None:
        DeviceSync(
            stack,
            "Other",
            inventory=inventory,
            source=Intune(tenant="contoso.example", secret=secret, **other),
        )
    source = arguments.pop("source", None) or Intune(
        tenant="contoso.example", secret=secret, tags=arguments.pop("tags", None)
    )
    return DeviceSync(stack, "Sync", **{"inventory": inventory, "source": source, **arguments})


def test_a_run_every_quarter_of_an_hour_is_never_repeated(synthesized: Template) -> None:
    """The next run does what one that failed would have done."""
    synthesized.has_resource_properties(
        "AWS::Events::Rule",
        {
            "ScheduleExpression": "rate(15 minutes)",
            "Targets": [
                Match.object_like(
                    {"RetryPolicy": {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 0}}
                )
            ],
        },
    )
    synthesized.has_resource_properties("AWS::Lambda::EventInvokeConfig", {"MaximumRetryAttempts": 0})


def test_the_function_reads_what_the_construct_writes(synthesized: Template) -> None:
    """The settings are checked by the code that runs, and nothing sends requests elsewhere."""
    found = variables(synthesized)
    assert read_source(found[SOURCE]).common.name == "intune"
    options = read_options(found[OPTIONS])
    assert (options.misses, options.adopt, options.brake.floor, options.brake.share) == (3, False, 5, 0.1)
    assert TEST_SERVER not in found
    assert only(synthesized.find_resources(FUNCTION))["Properties"]["Timeout"] == 900


def test_its_log_is_kept_for_a_month(synthesized: Template) -> None:
    """As the logs of the other functions around the handler."""
    synthesized.has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 30})


def test_a_secret_by_its_name_can_be_read(secret: secretsmanager.ISecret) -> None:
    """Its ARN ends with six characters that are unknown at synthesis."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    named = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "intune")
    inventory = DeviceInventory(stack, "Inventory")
    DeviceSync(stack, "Sync", inventory=inventory, source=Intune(tenant="contoso.example", secret=named))
    policies = json.dumps(template(stack).find_resources("AWS::IAM::Policy"))
    assert ":secret:intune-??????" in policies
    assert secret.secret_arn not in policies


def test_what_is_known_at_deployment_only_is_not_checked(secret: secretsmanager.ISecret) -> None:
    """Such as a parameter of the stack; the function checks it again."""
    stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
    tenant = cdk.CfnParameter(stack, "Tenant").value_as_string
    DeviceSync(
        stack,
        "Sync",
        inventory=DeviceInventory(stack, "Inventory"),
        source=Intune(tenant=tenant, secret=secret),
    )
    value = variables(template(stack))[SOURCE]
    assert {"Ref": "Tenant"} in value["Fn::Join"][1]


ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "schedule": ({"schedule": Duration.minutes(1)}, "schedule=.* must be a Duration of whole minutes from 5"),
    "schedule in milliseconds": (
        {"schedule": Duration.millis(300_001)},
        "schedule=.* must be a Duration of whole minutes",
    ),
    "schedule as a number": ({"schedule": 15}, "schedule=15 must be a Duration"),
    "misses": ({"misses": 1}, "misses=1 must be a whole number from 2 to 100"),
    "forget_after": ({"forget_after": Duration.hours(5)}, "forget_after=.* must be a Duration of whole days"),
    "maximum_share": ({"maximum_share": 10}, "maximum_share=10 must be a number from 0.01 to 1"),
    "maximum_share of zero": ({"maximum_share": 0}, "maximum_share=0 must be"),
    "maximum_share of nan": ({"maximum_share": float("nan")}, "maximum_share=nan must be"),
    "maximum_changes": ({"maximum_changes": -1}, "maximum_changes=-1 must be"),
    "adopt_imported": ({"adopt_imported": "false"}, "adopt_imported='false' must be True or False"),
    "timeout": (
        {"timeout": Duration.minutes(16)},
        "timeout=.* must be a Duration of whole minutes from 1 to 15",
    ),
    "inventory": ({"inventory": "table"}, "inventory='table' must be a DeviceInventory"),
    "source": ({"source": "intune"}, r"source='intune' must be a source, such as Intune\(...\)"),
    "reauthorizer": ({"reauthorizer": True}, "reauthorizer=True must be a ConnectionReauthorizer"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_arguments_are_refused(secret: secretsmanager.ISecret, name: str) -> None:
    """With what came, what is allowed, and without a traceback through the library."""
    arguments, message = ARGUMENTS[name]
    with pytest.raises(InvalidArgument, match=message):
        define(secret, **arguments)


def test_two_syncs_of_an_inventory_need_names_of_their_own(secret: secretsmanager.ISecret) -> None:
    """Each would take the other's devices for missing."""
    with pytest.raises(InvalidArgument, match=r'device sync Stack/Other has .* the same name "intune"'):
        define(secret, other={})
    with pytest.raises(InvalidArgument, match='device sync Stack/Other copies the tag "owner"'):
        define(secret, other={"name": "other", "tags": {"owner": "deviceName"}}, tags={"owner": "deviceName"})
    define(secret, other={"name": "other", "tags": {"host": "deviceName"}}, tags={"owner": "deviceName"})


def test_a_sync_that_retires_another_one_is_refused(secret: secretsmanager.ISecret) -> None:
    """Each run of the one would delete what the other writes."""
    with pytest.raises(InvalidArgument, match="name only sources that no sync has any more"):
        define(secret, other={"name": "other"}, retired_sources=["other"])
    sync = define(secret, retired_sources=["other"])
    late = Intune(tenant="contoso.example", secret=secret, name="other")
    with pytest.raises(InvalidArgument, match=r"device sync Stack/Sync has .* name only sources"):
        DeviceSync(cdk.Stack.of(sync), "Late", inventory=sync.inventory, source=late)


def test_an_inventory_elsewhere_is_refused(secret: secretsmanager.ISecret) -> None:
    """The function looks for the table in its own Region."""
    app = cdk.App(context=NO_BUNDLING)
    there = cdk.Stack(app, "There", env=cdk.Environment(account="111111111111", region="us-east-1"))
    here = cdk.Stack(app, "Here", env=cdk.Environment(account="111111111111", region="eu-central-1"))
    table = dynamodb.Table.from_table_arn(
        there, "Table", "arn:aws:dynamodb:us-east-1:111111111111:table/devices"
    )
    with pytest.raises(InvalidArgument, match="us-east-1"):
        DeviceSync(
            here,
            "Sync",
            inventory=DeviceInventory(there, "Inventory", devices_table=table),
            source=Intune(tenant="contoso.example", secret=secret),
        )


SOURCES: dict[str, tuple[type[DeviceSource], dict[str, Any]]] = {
    "intune": (Intune, {"tenant": "contoso.example"}),
    "jamf_pro": (JamfPro, {"url": "https://example.jamfcloud.com", "compliant_group": "Compliant Macs"}),
    "fleet": (Fleet, {"url": HOST, "required_policies": ["1", "2"]}),
    "iru": (Iru, {"subdomain": "accuhive", "region": "eu"}),
    "crowdstrike": (CrowdStrike, {"cloud": "eu-1", "grace_period": Duration.hours(4)}),
    "jumpcloud": (JumpCloud, {"authentication": "api_key"}),
    "json": (JsonSource, {"url": HOST, "id": "id", "common_name": "serial", "compliant": "ok"}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_each_source_becomes_settings_that_the_function_reads(
    secret: secretsmanager.ISecret, kind: str
) -> None:
    """By the same code."""
    source, arguments = SOURCES[kind]
    settings = source(secret=secret, **arguments).settings
    assert settings["kind"] == kind
    assert read_source(json.dumps(settings)).common.judges is True


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no tenant": (
        "intune",
        {"tenant": "https://contoso.example"},
        "tenant='https://contoso.example' must be the directory",
    ),
    "a cloud": ("intune", {"cloud": "gov"}, "cloud='gov' must be one of global, us_government"),
    "a tag": ("intune", {"tags": {"owner": 7}}, r"tags\['owner'\]=7 must be a field of a device"),
    "tags": ("intune", {"tags": ["owner"]}, "must be a mapping of tag names to fields"),
    "a page": ("intune", {"page_size": 5000}, "page_size=5000 must be an integer from 1 to 1000"),
    "a case": ("intune", {"common_name_case": "title"}, "must be one of as-is, lower, upper"),
    "duplicates": (
        "intune",
        {"duplicates": "reject"},
        "duplicates='reject' must be one of newest, no-verdict",
    ),
    "a name": ("intune", {"name": "My Intune"}, "name='My Intune' must be up to 32 lower-case letters"),
    "a flag": ("intune", {"judges_compliance": "no"}, "judges_compliance='no' must be True or False"),
    "a grace period in milliseconds": (
        "intune",
        {"grace_period": Duration.millis(1500)},
        "grace_period=.* must be a Duration of whole seconds",
    ),
    "a grace period of a token": (
        "intune",
        {"grace_period": Duration.minutes(cdk.Token.as_number({"Ref": "Minutes"}))},
        "grace_period=.* must be a Duration of whole seconds",
    ),
    "a grace period": ("intune", {"grace_period": 3600}, "grace_period=3600 must be a Duration"),
    "a group": ("jamf_pro", {"compliant_group": None}, "compliant_group is missing; give the name or the id"),
    "HTTP": (
        "fleet",
        {"url": "http://fleet.example.com"},
        "url='http://fleet.example.com' must be an HTTPS address",
    ),
    "a user": ("fleet", {"url": "https://me:pw@fleet.example.com"}, "must be an HTTPS address of a host"),
    "a path": (
        "fleet",
        {"url": "https://fleet.example.com/api"},
        "must be an HTTPS address of a host, without a path",
    ),
    "policies": ("fleet", {"required_policies": ["FileVault"]}, "must be ids, which are numbers"),
    "policy as a string": ("fleet", {"required_policies": "12"}, "must be a list of policy ids"),
    "a subdomain": ("iru", {"subdomain": "accuhive.kandji.io"}, "must be the tenant's subdomain alone"),
    "days": ("iru", {"checked_in_within_days": 0}, "must be an integer from 1 to 365"),
    "a Falcon cloud": ("crowdstrike", {"cloud": "us"}, "cloud='us' must be one of us-1, us-2, eu-1"),
    "an organization": ("jumpcloud", {"organization": "acme"}, "must be an id of 24 hexadecimal digits"),
    "no next": ("json", {"paging": "link"}, "next is missing; give the path of the link"),
    "no parameter": ("json", {"paging": "offset"}, "page_parameter is missing"),
    "no compliant": ("json", {"compliant": None}, "compliant is missing; give the field"),
    "both": (
        "json",
        {"compliant_values": ["ok"], "noncompliant_values": ["ok"]},
        "'ok' is in compliant_values and in",
    ),
    "a zone": ("json", {"time_zone": "Europe/Berlin"}, "time_zone='Europe/Berlin' must be an offset"),
    "a header": ("json", {"header": "X-Key: a"}, "must be the name of a header"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_manager_does_not_know_is_refused_in_its_terms(
    secret: secretsmanager.ISecret, name: str
) -> None:
    """At synthesis, with what is allowed."""
    kind, arguments, message = WRONG[name]
    source, right = SOURCES[kind]
    with pytest.raises(InvalidArgument, match=message):
        source(secret=secret, **{**right, **arguments})


def test_everything_that_is_wrong_is_reported_at_once(secret: secretsmanager.ISecret) -> None:
    """In one error."""
    with pytest.raises(InvalidArgument, match=r"(?s)page_size=.*tenant=.*cloud="):
        Intune(tenant="", cloud="x", page_size=0, secret=secret)


def test_the_content_of_a_secret_is_not_shown() -> None:
    """A literal password is passed."""
    with pytest.raises(InvalidArgument, match="not its content") as raised:
        Intune(tenant="contoso.example", secret="hunter2")  # type: ignore[arg-type] # noqa: S106
    assert "hunter2" not in str(raised.value)


def test_too_many_tags_are_refused(secret: secretsmanager.ISecret) -> None:
    """A function takes 4 KB of variables."""
    tags = {f"tag-{'x' * 60}-{number}": "deviceName" for number in range(40)}
    with pytest.raises(InvalidArgument, match="copy fewer tags"):
        define(secret, tags=tags)
