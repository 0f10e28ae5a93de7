"""Plain ``pytest``, as an editor starts it, finds the same Node, npm and uv as ``make test``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
