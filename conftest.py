"""Plain ``pytest``, as an editor starts it, finds the same Node, npm and uv as ``make test``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

# Where Python must leave no bytecode next to sources, it is kept in build/. Without any, each of the hundreds of
# processes that the tests start would compile the CDK, botocore and all else again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parent / "build" / "bytecode")
