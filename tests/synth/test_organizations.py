"""The examples of docs/organizations.md do what the page says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest

from .conftest import NO_BUNDLING, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "organizations.md").read_text("utf-8")
START, *EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROLE, POLICY = "AWS::IAM::Role", "AWS::IAM::Policy"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run an example after the start of the page; return the resources by type."""

    def run(example: str) -> dict[str, list[dict[str, Any]]]:
        scope: dict[str, Any] = {}
        exec(START, scope)  # noqa: S102 - the documentation's own example
        app = cdk.App(context=NO_BUNDLING, outdir=str(tmp_path))
        scope |= {"app": app, "stack": cdk.Stack(app, "Vpn")}
        exec(example, scope)  # noqa: S102
        found: dict[str, list[dict[str, Any]]] = {}
        resources = app.synth().get_stack_by_name("Vpn").template["Resources"]
        for resource in resources.values():
            found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
        return found

    return run


def test_there_are_three_examples() -> None:
    """Each is tested below."""
    assert len(EXAMPLES) == 3


def test_a_boundary_is_on_every_role(run: Any) -> None:
    """Of the handler, of what removes its versions, of the forwarder and of what creates the service-linked role."""
    roles = run(EXAMPLES[0])[ROLE]
    assert len(roles) == 4
    for role in roles:
        assert "policy/developers" in str(role["PermissionsBoundary"])


def test_roles_of_another_team(run: Any, tmp_path: Path) -> None:
    """Neither a role nor a policy is defined, and the report says what each role needs."""
    found = run(EXAMPLES[1])
    assert found.keys().isdisjoint({ROLE, POLICY, "Custom::AWS", "AWS::IAM::ServiceLinkedRole"})
    roles = {str(each["Role"]) for each in found["AWS::Lambda::Function"]}
    assert any("role/vpn-handler" in role for role in roles)
    assert any("role/vpn-announcer" in role for role in roles)
    report = (tmp_path / "iam-policy-report.txt").read_text("utf-8")
    assert "<vpn-handler> (Vpn/Handler/Role)" in report
    assert "events:PutEvents" in report
    assert "missing role" not in report


def test_an_existing_service_linked_role(run: Any) -> None:
    """Nothing is created for it, so no policy of the organization denies the deployment."""
    found = run(EXAMPLES[2])
    assert found.keys().isdisjoint({"Custom::AWS", "AWS::IAM::ServiceLinkedRole"})
    assert "CreateServiceLinkedRole" not in str(found)
