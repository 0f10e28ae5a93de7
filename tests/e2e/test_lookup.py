"""`cdk synth` of the whole VPN into a VPC that exists, which the real CLI looks up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local_aws.emulator import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.emulator import Emulator

pytestmark = pytest.mark.e2e

CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/12345678-1234-1234-1234-123456789012"


def test_vpc_is_looked_up(emulator: Emulator, tmp_path: Path) -> None:
    """The synthesis that asks for the look-up succeeds, and the next one is in that VPC."""
    flags = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    (tmp_path / "cdk.json").write_text(
        json.dumps({"app": f"{sys.executable} {ROOT / 'app.py'}", "context": flags})
    )
    ec2 = emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.50.1.0/24")["Subnet"]["SubnetId"]
    context = {"vpcId": vpc, "serverCertificateArn": CERTIFICATE, "clientCertificateArn": CERTIFICATE}
    subprocess.run(
        [
            *(ROOT / "node_modules" / ".bin" / "cdk", "synth", "--quiet", "--output", "out"),
            *(part for key, value in context.items() for part in ("-c", f"{key}={value}")),
        ],
        cwd=tmp_path,
        env={**os.environ, **emulator.environment},
        check=True,
        timeout=240,
    )
    template = json.loads((tmp_path / "out" / "ClientVpn.template.json").read_text("utf-8"))
    properties = {
        each["Type"]: each["Properties"] for each in template["Resources"].values() if "Properties" in each
    }
    assert properties["AWS::EC2::ClientVpnEndpoint"]["VpcId"] == vpc
    assert properties["AWS::EC2::ClientVpnTargetNetworkAssociation"]["SubnetId"] == subnet
    assert "AWS::EC2::VPC" not in properties
