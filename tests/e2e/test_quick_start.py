"""README's quick start, followed to the letter in an empty folder, with the emulator for AWS."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from local_aws.client_vpn_api import ClientVpnApi
from local_aws.deployed_handler import DeployedHandler
from local_aws.emulator import ACCOUNT, ARCHITECTURE, ROOT, RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="the bundle that is deployed is Lambda's"),
]

README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.split("\n## Quick start\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```(sh|text)\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
COMMANDS, OUTPUTS = ([text for kind, text in BLOCKS if kind == wanted] for wanted in ("sh", "text"))
INIT, CHECKS, DEPLOY, AUDIT = range(4)
ENDPOINT = "cvpn-endpoint-0123456789abcdef0"
CONNECTIONS = {
    "alice": ("2026-11-23T08:02:11.000+00:00", ["staff"], True, ["staff"]),
    "carol": ("2026-11-23T08:14:40.000+00:00", ["partners"], False, []),
    "bob": ("2026-11-23T21:40:02.000+00:00", ["staff"], False, ["working-hours"]),
}
# Differences here: the emulator's functions run on this machine, and reach the endpoint at another address.
HERE = """
import aws_cdk
for each in stack.node.find_all():
    if isinstance(each, aws_cdk.aws_lambda.Function):
        each.add_environment("AWS_ENDPOINT_URL_EC2", "API")
app.synth()
"""
THIS_MACHINE = (
    f"architecture=cdk.aws_lambda.Architecture.{ARCHITECTURE.upper().replace('ARM64', 'ARM_64')}, "
    f'runtime=cdk.aws_lambda.Runtime("{RUNTIME}"),'
)


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command with the tools of this project, and return what it printed."""
    finished = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def lines(text: str) -> list[str]:
    """Return lines without the spaces at their ends, and without empty ones."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def api() -> Iterator[ClientVpnApi]:
    """The endpoint of the quick start."""
    with ClientVpnApi() as api:
        api.add_endpoint(ENDPOINT)
        yield api


@pytest.fixture(scope="module")
def environment(emulator: Emulator) -> dict[str, str]:
    """Variables that make the commands use the emulator as AWS."""
    kept = {"CDK_HOME": str(emulator.directory / "quick-start"), "TMPDIR": str(emulator.directory)}
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "true"}
    return emulator.environment | kept | quiet


@pytest.fixture(scope="module")
def project(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Step 1; the library is installed already."""
    folder = tmp_path_factory.mktemp("quick")
    _environment, _install, init, change = COMMANDS[INIT].splitlines()
    assert lines(run(init, folder, environment))[: len(lines(OUTPUTS[INIT]))] == lines(OUTPUTS[INIT])
    return folder / shlex.split(change)[1]


def test_the_tests_pass_and_a_denial_is_seen(project: Path, environment: dict[str, str]) -> None:
    """Step 2 prints what README shows."""
    assert lines(run(COMMANDS[CHECKS], project, environment)) == lines(OUTPUTS[CHECKS])


@pytest.fixture(scope="module")
def deployed(
    project: Path, environment: dict[str, str], emulator: Emulator, api: ClientVpnApi
) -> DeployedHandler:
    """Step 3, by the locked command line of the major version that README names."""
    locked = json.loads((ROOT / "node_modules" / "aws-cdk" / "package.json").read_text("utf-8"))
    assert COMMANDS[DEPLOY].count(f"npx aws-cdk@{locked['version'].split('.')[0]} ") == 2
    app = project / "app.py"
    text = app.read_text("utf-8").replace("    shadow_mode=", f"    {THIS_MACHINE}\n    shadow_mode=")
    app.write_text(text.replace("app.synth()\n", HERE.replace("API", api.endpoint)), "utf-8")
    commands = COMMANDS[DEPLOY].replace(
        "npx aws-cdk@2", f"{ROOT}/node_modules/.bin/cdk --no-color --no-notices"
    )
    printed = run(commands.replace("deploy -c", "deploy --require-approval never -c"), project, environment)
    for line in lines(OUTPUTS[DEPLOY]):
        assert re.sub(r"= .*", "= ", line) in printed
    arn = api.client_connect_options(ENDPOINT).function_arn
    return DeployedHandler(emulator=emulator, function_name=arn.split(":")[6], function_arn=arn, outputs={})


def test_nobody_is_denied_and_the_audit_shows_who_would_be(
    deployed: DeployedHandler, project: Path, environment: dict[str, str]
) -> None:
    """Steps 3 and 4: the records are those of the deployed function, with the times of README."""
    assert deployed.function_arn.split(":")[4] == ACCOUNT
    records = []
    for number, (user, (at, groups, allowed, policies)) in enumerate(CONNECTIONS.items(), start=1):
        event = {
            "connection-id": f"cvpn-connection-{number}",
            "endpoint-id": ENDPOINT,
            "common-name": "",
            "username": user,
            "platform": "win",
            "platform-version": "10.0.22631,amd64",
            "public-ip": "198.51.100.7",
            "client-openvpn-version": "2.7.0",
            "groups": groups,
            "schema-version": "v3",
        }
        invocation = deployed.invoke(event)
        assert invocation.answer["allow"] is True
        decision = invocation.record["decision"] | {"allowed": allowed, "determining": policies}
        records.append(invocation.record | {"at": at, "decision": decision})
    group = shlex.split(COMMANDS[AUDIT])[-3]
    logs = deployed.emulator.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="stream")
    now = int(time.time() * 1000) - 60_000
    logs.put_log_events(
        logGroupName=group,
        logStreamName="stream",
        logEvents=[{"timestamp": now, "message": json.dumps(each)} for each in records],
    )
    assert lines(run(COMMANDS[AUDIT], project, environment)) == lines(OUTPUTS[AUDIT])


def test_enforcing_and_undoing(
    deployed: DeployedHandler, project: Path, environment: dict[str, str], api: ClientVpnApi
) -> None:
    """Step 5 denies who is in no group at any time, and the command that undoes everything turns the handler off."""
    app = project / "app.py"
    app.write_text(app.read_text("utf-8").replace("shadow_mode=True,", ""), "utf-8")
    cdk = f"{ROOT}/node_modules/.bin/cdk --no-color --no-notices"
    deploy = (
        COMMANDS[DEPLOY]
        .splitlines()[-1]
        .replace("npx aws-cdk@2 deploy", f"{cdk} deploy --require-approval never")
    )
    run(deploy, project, environment)
    event = {
        "connection-id": "cvpn-connection-9",
        "endpoint-id": ENDPOINT,
        "common-name": "",
        "username": "carol",
        "platform": "win",
        "platform-version": "",
        "public-ip": "198.51.100.7",
        "client-openvpn-version": "2.7.0",
        "groups": ["partners"],
        "schema-version": "v3",
    }
    assert deployed.invoke(event).answer["allow"] is False
    (undo,) = re.findall(r"`npx aws-cdk@2 (destroy [^`]*)`", SECTION)
    run(f"{cdk} {undo.replace('destroy', 'destroy --force')}", project, environment)
    assert not api.client_connect_options(ENDPOINT).enabled
