"""Programs of an environment, run as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent  # of node and uv too


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program of an environment in a folder, without what this process has in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def install(wheel: Path, environment: Path, constraints: Path) -> Path:
    """Install a wheel into a new environment; return its programs' folder."""
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, environment, cwd=environment.parent)
    programs = environment / BIN.name
    run(
        *(BIN / "uv", "pip", "install", "--quiet", "--python", programs / "python"),
        *("--constraints", constraints, wheel),
        cwd=environment.parent,
    )
    return programs
