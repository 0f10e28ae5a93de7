"""The requirements of a VPN on a machine, and how to get what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TUN = Path("/dev/net/tun")

_PACKAGES = {"openvpn": "openvpn", "ip": "iproute2", "openssl": "openssl"}
_CONTAINER = (
    "in a container, start it with: docker run --cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun "
    "--security-opt apparmor=unconfined"
)
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def tool(name: str) -> str:
    """Return the path of a program, which Debian keeps where only root looks; or its name when it is not there."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))
    return shutil.which(name, path=path) or name


def missing() -> list[str]:
    """Return what is missing, each with how to get it; nothing when a VPN can run here."""
    if sys.platform != "linux":
        return ["Linux: a VPN needs its network namespaces; on another system, run this in a virtual machine"]
    problems = [
        f"the program {name}: sudo apt-get install {package}, or sudo dnf install {package}"
        for name, package in _PACKAGES.items()
        if not Path(tool(name)).is_file()
    ]
    if os.geteuid() != 0:
        problems.append("root: run `make setup`, and then `sudo make vpn`")
    if not TUN.exists():
        problems.append(f"{TUN}: sudo modprobe tun; {_CONTAINER}")
    elif os.geteuid() == 0 and (problem := _tun_problem()):
        problems.append(f"a usable {TUN} ({problem}): {_CONTAINER}")
    return problems or _namespace_problems()


def _tun_problem() -> str | None:
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as error:
        return error.strerror
    return None


def _namespace_problems() -> list[str]:
    """Make a namespace of no name and a device in it, which is what containers are most often not allowed."""
    command = [
        "unshare",
        "--net",
        tool("ip"),
        "link",
        "add",
        "probe",
        "type",
        "veth",
        "peer",
        "name",
        "other",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return [f"the program unshare of util-linux ({error.strerror})"]
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        return [f"the permission to make network namespaces ({said}): {_CONTAINER}"]
    return []
