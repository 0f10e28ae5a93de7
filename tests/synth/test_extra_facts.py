"""A module of extra facts at synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match

from cdk_client_connect import (
    ClientConnectHandler,
    ExtraFacts,
    InvalidArgument,
    InvalidCode,
    InvalidExtraFacts,
    InvalidPolicies,
    InvalidPolicyTests,
    InvalidTimeout,
    Policies,
    PolicyTestsFailed,
)
from client_connect_tools import Bundle

from .conftest import NO_BUNDLING, only, template

if TYPE_CHECKING:
    from collections.abc import Callable

    Define = Callable[..., ClientConnectHandler]

EXAMPLE = Path(__file__).parents[2] / "examples" / "extra-facts"
VARIABLE = "CLIENT_CONNECT_EXTRA_FACTS"
PERMIT = '@id("all") permit (principal, action, resource);'


@pytest.fixture(scope="module")
def extra_facts() -> ExtraFacts:
    """The module of the example."""
    return ExtraFacts.from_file(EXAMPLE / "risk.py")


@pytest.fixture(scope="module")
def policies() -> Policies:
    """The policies of the example, with their module's facts."""
    return Policies.from_directory(EXAMPLE)


def variables(stack: cdk.Stack) -> dict[str, Any]:
    """Return the environment variables of the function."""
    function = only(
        template(stack).find_resources(
            "AWS::Lambda::Function", {"Properties": {"Handler": "client_connect.handler.handler"}}
        )
    )
    found: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
    return found


def test_the_handler_is_told_its_module(
    handler: Define, stack: cdk.Stack, policies: Policies, extra_facts: ExtraFacts
) -> None:
    """By an environment variable, without a warning; what the module needs is passed next to it."""
    handler(
        policies=policies,
        extra_facts=extra_facts,
        environment={"RISK_SERVICE_URL": "https://risk.example.com"},
    )
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())
    found = variables(stack)
    assert (found[VARIABLE], found["RISK_SERVICE_URL"]) == ("risk", "https://risk.example.com")


def test_the_module_of_code_from_elsewhere_is_named(handler: Define, stack: cdk.Stack) -> None:
    """No check can look into a bucket; the module has its time then too."""
    code = lambda_.Code.from_bucket(s3.Bucket.from_bucket_name(stack, "Bucket", "artifacts"), "code.zip")
    environment = {VARIABLE: "risk", "RISK_SERVICE_URL": cdk.Fn.import_value("RiskService")}
    with pytest.raises(InvalidTimeout, match="a connection registry or extra facts"):
        handler(code=code, environment=environment, timeout=cdk.Duration.seconds(4))
    handler(code=code, environment=environment)
    found = variables(stack)
    assert (found[VARIABLE], found["RISK_SERVICE_URL"]) == ("risk", {"Fn::ImportValue": "RiskService"})


def test_a_handler_without_one_is_as_it_was(handler: Define, stack: cdk.Stack) -> None:
    """No variable names what is not there."""
    handler()
    assert VARIABLE not in variables(stack)


def test_the_asset_holds_the_module(tmp_path: Path, policies: Policies, extra_facts: ExtraFacts) -> None:
    """At the top, with its type next to the policies."""
    app = cdk.App(outdir=str(tmp_path))
    ClientConnectHandler(cdk.Stack(app, "Stack"), "Handler", policies=policies, extra_facts=extra_facts)
    assembly = Path(app.synth().directory)
    (asset,) = (path for path in assembly.glob("asset.*") if (path / "client_connect").is_dir())
    for name in ("risk.py", "custom.cedarschema"):
        assert (asset / name).read_text("utf-8") == (EXAMPLE / name).read_text("utf-8")


def test_another_module_is_another_version(policies: Policies, extra_facts: ExtraFacts) -> None:
    """So that the alias moves and provisioned environments are renewed."""

    def version(extra: ExtraFacts | None) -> str:
        stack = cdk.Stack(cdk.App(context=NO_BUNDLING), "Stack")
        ClientConnectHandler(stack, "Handler", policies=policies, extra_facts=extra)
        (found,) = template(stack).find_resources("AWS::Lambda::Version")
        return str(found)

    changed = ExtraFacts(module="risk", files=tuple((name, text + b"\n") for name, text in extra_facts.files))
    versions = [version(extra) for extra in (None, extra_facts, changed, extra_facts)]
    assert versions[1] == versions[3]
    assert len(set(versions)) == 3


def test_warns_of_facts_that_no_module_tells(handler: Define, stack: cdk.Stack, policies: Policies) -> None:
    """Policies come with a type, but the handler without the module."""
    defined = handler(policies=policies)
    warning = Match.string_like_regexp(r"the handler has none.*give extra_facts=ExtraFacts\.from_file")
    Annotations.from_stack(stack).has_warning("/Stack/Handler", warning)
    cdk.Annotations.of(defined).acknowledge_warning("cdk-client-connect:noExtraFacts")


def test_warns_of_an_outage_that_nobody_thought_of(
    handler: Define, stack: cdk.Stack, extra_facts: ExtraFacts
) -> None:
    """The lint is a warning at synthesis."""
    risky = '@id("x") @message("m") forbid (principal, action, resource) when { context has custom };'
    handler(policies=Policies.from_string(f"{PERMIT} {risky}", custom="{}"), extra_facts=extra_facts)
    Annotations.from_stack(stack).has_warning(
        "/Stack/Handler", Match.string_like_regexp("custom-facts-outage")
    )


def test_fails_without_a_type(handler: Define, extra_facts: ExtraFacts) -> None:
    """No policy could read a fact; the message says what to write."""
    with pytest.raises(
        InvalidExtraFacts, match=r"come without a custom\.cedarschema.* write one next to the policies"
    ):
        handler(policies=Policies.from_string(PERMIT), extra_facts=extra_facts)
    with pytest.raises(InvalidExtraFacts):
        handler(extra_facts=extra_facts)


def test_fails_with_a_faulty_type(handler: Define, extra_facts: ExtraFacts) -> None:
    """It is reported with the policies' errors."""
    policies = Policies.from_string(f"{PERMIT} forbid (principal, action, resource);", custom="{}; entity X;")
    with pytest.raises(
        InvalidPolicies, match=r"(?s)2 problems:.*<custom>:1:3: ;.*\(custom-schema\).*missing-id"
    ):
        handler(policies=policies, extra_facts=extra_facts)


def test_fails_with_too_little_time(handler: Define, policies: Policies, extra_facts: ExtraFacts) -> None:
    """A module that hangs must not cost the client its answer."""
    with pytest.raises(InvalidTimeout, match="a connection registry or extra facts"):
        handler(policies=policies, extra_facts=extra_facts, timeout=cdk.Duration.seconds(4))
    handler(policies=policies, extra_facts=extra_facts, timeout=cdk.Duration.seconds(5))


def test_fails_with_a_path(handler: Define, policies: Policies) -> None:
    """The module is read by a factory, not by the handler."""
    with pytest.raises(InvalidArgument, match=r"extra_facts='risk.py' must be ExtraFacts, made by"):
        handler(policies=policies, extra_facts="risk.py")


def test_policy_tests_run_with_custom_facts(handler: Define, tmp_path: Path, extra_facts: ExtraFacts) -> None:
    """At synthesis as by the command."""
    for name in ("vpn.cedar", "custom.cedarschema"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text("utf-8"), "utf-8")
    for test, error in (
        ("custom = { riskScore = 99 }\nexpect = 'allow'", PolicyTestsFailed),
        ("custom = { risk = 99 }\nexpect = 'deny'", InvalidPolicyTests),
    ):
        (tmp_path / "vpn.tests.toml").write_text(f"[[test]]\nname = 'it'\n{test}", "utf-8")
        with pytest.raises(error):
            handler(policies=Policies.from_directory(tmp_path), extra_facts=extra_facts)


def test_prebuilt_code_brings_its_module(
    tmp_path: Path, policies: Policies, extra_facts: ExtraFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a folder made by `client-connect bundle` it is known; together with code, a module is refused."""
    monkeypatch.setattr(
        "client_connect_tools.bundling.bundle.install", lambda folder, *_, **__: folder.mkdir()
    )
    Bundle(policies.text, "3.14", "arm64", extra_facts=extra_facts, custom=policies.custom).build(
        tmp_path / "with"
    )
    Bundle(policies.text, "3.14", "arm64", custom=policies.custom).build(tmp_path / "without")
    for folder, module in (("with", "risk"), ("without", None)):
        stack = cdk.Stack(cdk.App(), "Stack")
        code = lambda_.Code.from_asset(str(tmp_path / folder))
        ClientConnectHandler(stack, "Handler", code=code)
        assert variables(stack).get(VARIABLE) == module
    code = lambda_.Code.from_asset(str(tmp_path / "with"))
    with pytest.raises(InvalidTimeout):
        ClientConnectHandler(stack, "Slow", code=code, timeout=cdk.Duration.seconds(2))
    with pytest.raises(InvalidArgument, match=r"'CLIENT_CONNECT_EXTRA_FACTS': .*the handler's own"):
        ClientConnectHandler(stack, "Other", code=code, environment={VARIABLE: "other"})
    with pytest.raises(InvalidCode, match=r"both given, .*client-connect bundle --extra-facts"):
        ClientConnectHandler(stack, "Both", code=code, extra_facts=extra_facts)
