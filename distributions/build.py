"""Builds what is published, from one tree: `python distributions/build.py [FOLDER]`.

cdk-client-connect is all of it, and client-connect-tools is the runtime and the tools alone. It needs
nothing but what is in requirements/build.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = {
    "lambda_src": ("client_connect", "client_connect_devices"),
    "lib": ("client_connect_tools", "client_connect_pytest.py"),
}
"""The part of the sources in client-connect-tools."""


def build_all(output: Path) -> None:
    """Build the sdists and the wheels of both into a folder."""
    _build(ROOT, output)
    (wheel,) = output.glob("cdk_client_connect-*.whl")
    with tempfile.TemporaryDirectory() as folder:
        prepare_tools(Path(folder))
        _build(Path(folder), output, version=wheel.name.split("-")[1])


def prepare_tools(folder: Path) -> None:
    """Copy what client-connect-tools is built from into an empty folder."""
    for above, names in TOOLS.items():
        (folder / above).mkdir()
        for name in names:
            _copy(ROOT / above / name, folder / above / name)
    for name in ("LICENSE", "CHANGELOG.md", ".gitignore"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(ROOT / "distributions" / "README.md", folder / "README.md")
    shutil.copyfile(ROOT / "distributions" / "client-connect-tools.toml", folder / "pyproject.toml")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _build(project: Path, output: Path, *, version: str | None = None) -> None:
    environment = dict(os.environ)
    if version is not None:  # where there is no history to take it from
        environment["SETUPTOOLS_SCM_PRETEND_VERSION"] = version
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(project)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    build_all(Path(sys.argv[1] if len(sys.argv) > 1 else "dist"))
