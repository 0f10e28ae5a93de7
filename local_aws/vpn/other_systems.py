"""Clients that say they run on another system: what a user would do to get past a policy, and what tests need."""

from __future__ import annotations

from pathlib import Path

from local_aws.vpn.requirements import tool

_OWN = b"IV_PLAT=linux\n\0"


def client_program(directory: Path, platform: str) -> Path:
    """Return a copy of this machine's client that sends another platform.

    Args:
        directory: Where the copy is put.
        platform: At most as long as ``windows`` less two letters, such as ``win``, ``mac``, ``ios`` or ``linux``.

    Raises:
        ValueError: When the platform is longer, or the client does not hold its own as it does on Linux.
    """
    file = directory / f"openvpn-{platform}"
    if not file.exists():
        content = Path(tool("openvpn")).read_bytes()
        changed = f"IV_PLAT={platform}\n\0".encode()
        if len(changed) > len(_OWN) or content.count(_OWN) != 1:
            raise ValueError(f"the client cannot be made to say that its platform is {platform}")
        file.write_bytes(content.replace(_OWN, changed.ljust(len(_OWN), b"\0")))
        file.chmod(0o700)
    return file
