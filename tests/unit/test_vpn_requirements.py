"""The messages for a machine that cannot run the local VPN."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.vpn import requirements

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the programs, the device and root."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "_SBIN", ())
    monkeypatch.setattr(requirements, "TUN", tmp_path / "tun")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Linux is what is missing")
@pytest.mark.usefixtures("bare")
def test_everything_that_is_missing_is_told_with_how_to_get_it() -> None:
    """At once."""
    problems = requirements.missing()
    assert [problem.split(":")[0] for problem in problems[:4]] == [
        "the program openvpn",
        "the program ip",
        "the program openssl",
        "root",
    ]
    assert "sudo apt-get install iproute2" in problems[1]
    assert "sudo make vpn" in problems[3]
    assert "modprobe tun" in problems[4]
    assert "--device /dev/net/tun" in problems[4]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Linux is what is missing")
def test_make_vpn_says_what_is_missing_and_ends(tmp_path: Path) -> None:
    """Before it starts anything."""
    program = (
        "import os, sys\n"
        "os.geteuid = lambda: 1000\n"
        "from local_aws.vpn.show import main\n"
        "sys.argv = ['vpn']\n"
        "raise SystemExit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "root: run `make setup`, and then `sudo make vpn`" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_another_system_is_told_that_linux_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else."""
    monkeypatch.setattr(requirements.sys, "platform", "darwin")
    (problem,) = requirements.missing()
    assert problem.startswith("Linux: ")
