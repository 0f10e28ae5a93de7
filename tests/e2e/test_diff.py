"""The policies in the real ``cdk diff``: docs/deployments.md has it as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local_aws import cdk_cli
from local_aws.emulator import ROOT
from tests.support.apps import deploy_handler, synthesize_handler
from tests.support.programs import CONTEXT, OUTDIR, run_program

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

DOCS = (ROOT / "docs" / "deployments.md").read_text("utf-8")
CDK = ROOT / "node_modules" / ".bin" / "cdk"
KEY = "cdk-client-connect:policies"


def block(language: str) -> str:
    """Return the first example in a language."""
    found, *_ = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    return str(found)


EXAMPLE = block("python")
BY_CHANGE_SET, BY_TEMPLATE = re.findall(r"^```text\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)


def changed() -> str:
    """Return the example with the change of the documentation: each line gives way to the one below it."""
    lines = block("diff").splitlines()
    text = EXAMPLE
    for old, new in zip(lines[::2], lines[1::2], strict=True):
        assert (old[0], new[0]) == ("-", "+")
        assert text.count(old[1:]) == 1
        text = text.replace(old[1:], new[1:])
    return text


def reworded() -> str:
    """Return the example with a comment, another layout and another order of the policies."""
    before, policies, after = EXAMPLE.split('"""')
    first, *others = policies.strip().split("\n\n")
    mixed = "\n".join([*reversed(others), "// Everybody on the payroll.", first.replace(", ", ",  ")])
    return f'{before}"""{mixed}"""{after}'


def synthesize(folder: Path, text: str) -> Path:
    """Run an app, without building the function."""
    folder.mkdir()
    context = json.dumps({"aws:cdk:bundling-stacks": []})
    variables = {OUTDIR: str(folder / "cdk.out"), CONTEXT: context}
    assert run_program(text, folder=folder, variables=variables).returncode == 0
    return folder / "cdk.out"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the documentation's example."""
    folder = tmp_path_factory.mktemp("diff") / "before"
    return synthesize(folder, EXAMPLE) / "Vpn.template.json"


def alias_in_diff(before: Path, folder: Path, text: str) -> str:
    """Return what `cdk diff` prints of the alias, against a template instead of an account."""
    environment = {
        **os.environ,
        "CDK_HOME": str(folder),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
    }
    command = [CDK, "diff", "Vpn", "--app", synthesize(folder / "after", text), "--template", before]
    result = subprocess.run(
        [*command, "--no-color", "--no-notices"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    found = re.search(r"^\[~\] AWS::Lambda::Alias .*\n(?: .*\n)*", result.stdout, re.MULTILINE)
    assert found, result.stdout
    return found[0]


def test_the_diff_names_the_policies_that_change(before: Path, tmp_path: Path) -> None:
    """One changes, one comes, one goes; the one that stays is not mentioned."""
    shown = alias_in_diff(before, tmp_path, changed())
    assert BY_TEMPLATE in shown
    assert "staff:" not in shown
    assert "FunctionVersion" in shown


def test_the_diff_of_another_wording_names_none(before: Path, tmp_path: Path) -> None:
    """There is a new version of the function, and no policy in the diff."""
    shown = alias_in_diff(before, tmp_path, reworded())
    assert "FunctionVersion" in shown
    assert KEY not in shown


@pytest.mark.skipif(sys.platform != "linux", reason="the bundle is built for Lambda")
def test_the_diff_against_a_deployed_stack_names_the_policies_that_change(
    account: Emulator, tmp_path: Path
) -> None:
    """By a change set, which has no metadata: one changes, one comes into shadow mode under another name, one stays."""
    policies = tmp_path / "vpn.cedar"
    policies.write_text(EXAMPLE.split('"""')[1], "utf-8")
    deploy_handler(account, stack="Reviewed", policies=policies)
    policies.write_text(changed().split('"""')[1], "utf-8")
    shown = cdk_cli.diff(
        account, stack="Reviewed", app=synthesize_handler(account, stack="Reviewed", policies=policies)
    )
    assert "change set" in shown
    assert KEY not in shown
    assert BY_CHANGE_SET in f"{shown}\n"
