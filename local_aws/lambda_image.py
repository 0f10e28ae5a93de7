"""The packages of Lambda's Python image besides the standard library, and nothing else of this environment."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The AWS SDK and what it needs.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
SDK = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")

# AWS's own runtime client and what it needs; it is published for Linux only.
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")


def link_image(directory: Path, distributions: Iterable[str]) -> Path:
    """Link packages of the image into a directory, which is created, and return it."""
    directory.mkdir()
    for name in distributions:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            link = directory / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return directory
