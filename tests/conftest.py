"""What all tests have in common."""

from __future__ import annotations

import os

# Before any test imports the CDK, whose Node process reads it: a deprecated API fails, and does not only warn.
os.environ["JSII_DEPRECATED"] = "fail"
