"""Renew what docs/compliance.md says of the rules of cdk-nag's packs.

Run it as ``python docs/render_compliance.py``. It synthesizes the full VPN once with every pack, and writes each
rule that fires, on what, and the advice for it in docs/compliance.toml. A rule without advice ends it.
"""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections import defaultdict
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk_client_connect import (
    ClientConnectHandler,
    ConnectionMonitoring,
    ConnectionReauthorizer,
    ConnectionRegistry,
    DeviceInventory,
    DeviceSync,
    EndpointAttachment,
    EndpointAuthorizationPolicy,
    GradualDeployment,
    Intune,
    Policies,
    TrustProvider,
)

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "compliance.md"
SOURCE = ROOT / "docs" / "compliance.toml"
PACKS = {
    "AwsSolutions": cdk_nag.AwsSolutionsChecks,
    "NIST.800.53.R5": cdk_nag.NIST80053R5Checks,
    "HIPAA.Security": cdk_nag.HIPAASecurityChecks,
    "Serverless": cdk_nag.ServerlessChecks,
}

CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/12345678-1234-1234-1234-123456789012"
CREDENTIALS = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:intune-AbCdEf"
ELSEWHERE = "cvpn-endpoint-0123456789abcdef0"

_BLOCK = re.compile(r"(<!-- compliance -->\n).*(<!-- /compliance -->)", re.DOTALL)


@cache
def advice() -> dict[str, str]:
    """Return what to do, for each rule without the name of its pack."""
    tables = tomllib.loads(SOURCE.read_text("utf-8"))
    return {rule: table["advice"].strip() for rule, table in tables.items()}


def define_full_vpn(stack: cdk.Stack) -> None:
    """Define an endpoint with everything that this library has, each with its defaults."""
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        max_azs=2,
        nat_gateways=0,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Vpn", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
        flow_logs={"All": ec2.FlowLogOptions(destination=ec2.FlowLogDestination.to_cloud_watch_logs())},
    )
    inventory = DeviceInventory(stack, "Inventory")
    handler = ClientConnectHandler(
        stack,
        "Handler",
        device_inventory=inventory,
        connection_registry=ConnectionRegistry(stack, "Registry"),
    )
    connection_log = logs.LogGroup(stack, "ConnectionLog")
    endpoint = vpc.add_client_vpn_endpoint(
        "Endpoint",
        cidr="10.100.0.0/16",
        server_certificate_arn=CERTIFICATE,
        client_certificate_arn=CERTIFICATE,
        client_connection_handler=handler,
        log_group=connection_log,
    )
    EndpointAuthorizationPolicy(
        stack,
        "Policy",
        endpoint=endpoint,
        policies=Policies.from_file(ROOT / "examples" / "native-policies" / "jamf-risk.cedar"),
        trust_providers=[TrustProvider.jamf(tenant_id="your-tenant")],
    )
    EndpointAttachment(stack, "Attachment", handler=handler, endpoint_id=ELSEWHERE)
    reauthorizer = ConnectionReauthorizer(
        stack, "Reauthorizer", handler=handler, endpoints=[endpoint, ELSEWHERE]
    )
    secret = secretsmanager.Secret.from_secret_complete_arn(stack, "Credentials", CREDENTIALS)
    sync = DeviceSync(
        stack,
        "Sync",
        inventory=inventory,
        source=Intune(tenant="contoso.onmicrosoft.com", secret=secret),
        reauthorizer=reauthorizer,
    )
    monitoring = ConnectionMonitoring(
        stack,
        "Monitoring",
        handler=handler,
        endpoints=[endpoint],
        connection_log_group=connection_log,
        reauthorizer=reauthorizer,
        device_syncs=[sync],
    )
    GradualDeployment(stack, "Rollout", handler=handler, monitoring=monitoring)


def synthesize(folder: Path) -> list[dict[str, Any]]:
    """Synthesize the full VPN into a folder with all packs at once; return their reports."""
    flags = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    app = cdk.App(outdir=str(folder), context={**flags, "aws:cdk:bundling-stacks": []})
    define_full_vpn(cdk.Stack(app, "Vpn"))
    cdk.Validations.of(app).add_plugins(*(pack(app) for pack in PACKS.values()))
    with suppress(RuntimeError):  # how the CDK says that rules fire
        app.synth()
    reports: list[dict[str, Any]] = json.loads((folder / "validation-report.json").read_text("utf-8"))[
        "pluginReports"
    ]
    return reports


def rendered(page: str, reports: list[dict[str, Any]]) -> str:
    """Return the page with what the packs report."""
    return _BLOCK.sub(lambda match: match[1] + _rules(reports) + match[2], page)


def _rules(reports: list[dict[str, Any]]) -> str:
    packs: dict[str, list[str]] = defaultdict(list)
    constructs: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        if report["pluginName"] not in PACKS:
            continue
        for violation in report["violations"]:
            rule = violation["ruleName"].removeprefix(f"{report['pluginName']}-")
            packs[rule].append(report["pluginName"])
            constructs[rule] |= {_path(each) for each in violation["violatingConstructs"]}
    silent = [name for name in PACKS if not any(name in each for each in packs.values())]
    intro = f"\nNo rule fires of: {', '.join(silent)}.\n" if silent else ""
    return intro + "".join(_section(rule, packs[rule], constructs[rule]) for rule in sorted(packs)) + "\n"


def _section(rule: str, packs: list[str], constructs: set[str]) -> str:
    if rule not in advice():
        raise KeyError(
            f"{rule} fires on {', '.join(sorted(constructs))}, and has no advice; add it to docs/compliance.toml"
        )
    on = ", ".join(f"`{each}`" for each in sorted(constructs))
    return f"\n### {rule}\n\nPacks: {', '.join(packs)}. Fires on {on}.\n\n{advice()[rule]}\n"


def _path(construct: dict[str, Any]) -> str:
    path = construct["constructPath"].partition("/")[2].removesuffix("/Resource")
    if construct["constructFqn"].endswith("CfnAlarm"):
        return f"{path.partition('/')[0]}/*"  # there are many, and all alike
    return re.sub(r"^AWS[0-9a-f]{32}$", "the CDK's function of custom resources", path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(rendered(PAGE.read_text("utf-8"), synthesize(Path(folder))), "utf-8")
