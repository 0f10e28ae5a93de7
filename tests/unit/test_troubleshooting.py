"""The page of symptoms has the words that tools print, and each alarm."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cdk_client_connect.monitoring._alarm_definitions import DEFINITIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
SYMPTOMS = re.findall(r"^#### `(.*)`$", PAGE, re.MULTILINE)
ATTACHMENT = (ROOT / "lambda_src" / "client_connect_attachment" / "attachment.py").read_text("utf-8")


def test_each_alarm_is_on_the_page_once() -> None:
    """Whoever is on call finds it by what is wrong."""
    named = re.findall(r"\[([A-Z]\w+)\]\(operations\.md#(?!alarms)\w+\)", PAGE)
    assert sorted(named) == sorted(each.name for each in DEFINITIONS)


@pytest.mark.parametrize("command", ["deploy", "bootstrap"])
def test_the_command_line_says_so_in_an_empty_folder(command: str, tmp_path: Path) -> None:
    """The CDK's output without an app is on the page."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    finished = subprocess.run(
        [ROOT / "node_modules" / ".bin" / "cdk", command, "--no-notices", "--no-color"],
        cwd=tmp_path,
        env=kept | {"CDK_HOME": str(tmp_path), "CDK_DISABLE_CLI_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert f"`{finished.stderr.strip()}`" in PAGE


@pytest.mark.parametrize(
    "symptom", ["has another client connect handler already", "has lost the tag", "does not exist in"]
)
def test_the_attachment_says_so(symptom: str) -> None:
    """The answers of the attachment's function are on the page."""
    assert symptom in ATTACHMENT
    assert any(heading.startswith(symptom) for heading in SYMPTOMS)
