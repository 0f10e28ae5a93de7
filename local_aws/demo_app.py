"""The project's app for the demo, with bundles for the machine that runs it.

The emulator runs functions on this machine, and the bundle of the handler is Lambda's, for Linux. Elsewhere its
packages are exchanged after the synthesis for the same ones of this machine. Nothing else uses this program: what is
deployed to AWS is Lambda's bundle, wherever it is built.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import app
from client_connect_tools.bundling.bundle import LOCK, PLATFORM_FILE
from client_connect_tools.bundling.installing import run_uv

# By operating system and machine, as Python names them: what uv calls the platform.
MACHINES = {
    ("darwin", "arm64"): "aarch64-apple-darwin",
    ("darwin", "x86_64"): "x86_64-apple-darwin",
    ("linux", "aarch64"): "aarch64-manylinux_2_28",
    ("linux", "x86_64"): "x86_64-manylinux_2_28",
}


class ExchangeFailed(Exception):
    """The packages of a bundle could not be exchanged."""


def this_machine() -> str | None:
    """Return what uv calls this machine, or ``None`` where the demo does not run."""
    return MACHINES.get((sys.platform, platform.machine()))


def exchange_packages(assembly: Path, machine: str) -> None:
    """Give each bundle of a cloud assembly the locked packages of a machine, with the hashes of the lock.

    Args:
        assembly: The folder of the cloud assembly.
        machine: The platform, as uv names it.

    Raises:
        ExchangeFailed: When there is no bundle, or uv fails; with what it said.
    """
    bundles = sorted(path.parent for path in assembly.glob(f"asset.*/{PLATFORM_FILE}"))
    if not bundles:
        raise ExchangeFailed(f"there is no bundle in {assembly}")
    for bundle in bundles:
        python = json.loads((bundle / PLATFORM_FILE).read_text("utf-8"))["python"]
        result = run_uv(
            [
                *("pip", "install", "--quiet", "--no-progress", "--color", "never", "--reinstall"),
                *("--python", sys.executable, "--python-version", python, "--python-platform", machine),
                *("--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy"),
                *("--target", str(bundle), "--requirements", str(LOCK)),
            ],
            {},
        )
        if result.returncode:
            raise ExchangeFailed(f"no packages for {machine}, Python {python}: {result.stderr.strip()}")


def main() -> None:
    """Synthesize the app for the machine that runs here."""
    machine = this_machine()
    if machine is None:
        sys.exit(f"error: the demo does not run on {sys.platform} {platform.machine()}")
    app.main()
    try:
        exchange_packages(Path(os.environ["CDK_OUTDIR"]), machine)
    except ExchangeFailed as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
